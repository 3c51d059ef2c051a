import { eq } from "drizzle-orm";
import { curate } from "../conversion/curation/curate.ts";
import type { LeftOut } from "../conversion/curation/left-out.ts";
import { ownShingles } from "../conversion/curation/near-duplicates/shingles.ts";
import { currentVersion } from "../conversion/curation/schema-version.ts";
import { database } from "../db/client.ts";
import { apiKeys, type CallRow, type DatasetKind } from "../db/schema.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import { type CallList, listCalls } from "../ledger/calls-query.ts";
import { type Counts, kept, omitted } from "./counts.ts";
import { lineOf } from "./fine-tuning-line.ts";
import { MAX_ITEM_BYTES, type SealedItem, sealItem } from "./item.ts";
import { type Found, type Humans, readCandidate } from "./read-candidate.ts";
import type { SeenPrompts } from "./seen-prompts.ts";

/** Which calls a set is made of. */
export interface CallChoice {
  /** The names that the task's calls are recorded under; null for calls of any task. */
  tasks: readonly string[] | null;
  keyId: string | null;
  /** The model that was asked for. */
  model: string | null;
  /** Milliseconds since the epoch: from, and before. */
  since: number | null;
  until: number;
}

/** A set in the making, as its object keeps it between two steps. */
export interface BuildJob {
  id: string;
  projectId: string;
  kind: DatasetKind;
  choice: CallChoice;
  /** Items at most. */
  limit: number;
  /** Calls below this id are still to be looked at; null at the start. */
  before: string | null;
  counts: Counts;
  /** What tools and form each task has now, decided by its newest calls. */
  versions: Record<string, string>;
}

/** Calls of one step: each is some queries, of which an invocation may make a thousand. */
const STEP_CALLS = 50;
/** Contents that are open at once. */
const AT_ONCE = 8;

interface Step {
  job: BuildJob;
  items: SealedItem[];
  done: boolean;
}

type Looked = { row: CallRow } & (Found | { why: LeftOut });

async function humansOf(env: Env, projectId: string): Promise<Humans> {
  const [rows, tasks] = await Promise.all([
    database(env.DB)
      .select({ id: apiKeys.id, audience: apiKeys.audience })
      .from(apiKeys)
      .where(eq(apiKeys.projectId, projectId)),
    env.WORK.getByName(projectId).humanTasks(),
  ]);
  const keys = rows.flatMap(({ id, audience }) => (audience === "human" ? id : []));
  return { keys: new Set(keys), tasks: new Set(tasks) };
}

/** @throws RouteletError `calls_unavailable` where a source does not answer: what is missing now would be missing for ever. */
async function nextCalls(env: Env, { projectId, choice, before }: BuildJob): Promise<CallList> {
  const page = await listCalls({
    env,
    query: {
      projectId,
      limit: STEP_CALLS,
      until: choice.until,
      ...(choice.tasks === null ? {} : { tasks: choice.tasks }),
      ...(choice.keyId === null ? {} : { keyId: choice.keyId }),
      ...(choice.model === null ? {} : { model: choice.model }),
      ...(choice.since === null ? {} : { since: choice.since }),
      ...(before === null ? {} : { before }),
    },
  });
  if (page.complete) return page;
  throw new RouteletError({
    kind: "unavailable",
    code: "calls_unavailable",
    message: "The log of calls cannot be read right now.",
    retryable: true,
  });
}

async function readAll(env: Env, job: BuildJob, rows: readonly CallRow[]): Promise<Looked[]> {
  const humans = await humansOf(env, job.projectId);
  const looked: Looked[] = [];
  for (let from = 0; from < rows.length; from += AT_ONCE) {
    const reading = rows.slice(from, from + AT_ONCE).map(async (row) => ({
      row,
      ...(await readCandidate({ env, row, kind: job.kind, humans })),
    }));
    looked.push(...(await Promise.all(reading)));
  }
  return looked;
}

/** What duplicates and versions are a matter within: the task that was asked for, else each call's own. */
function familyOf(job: BuildJob, { row, candidate }: Found): string {
  if (job.choice.tasks !== null) return "task";
  return row.task ?? `none ${candidate.version}`;
}

/** Why a call is no example to train on, as far as it can be told from the call alone. */
function rejection(found: Found, current: string): LeftOut | null {
  const reason = curate({ ...found.candidate, currentVersion: current });
  if (reason !== null) return reason;
  return lineOf(found.example, false) === null ? "not_in_format" : null;
}

/** Looks at the next calls, and gives what of them goes into the set. Doing it again gives the same. */
export async function buildStep(options: { env: Env; job: BuildJob; seen: SeenPrompts }): Promise<Step> {
  const { env, job, seen } = options;
  const page = await nextCalls(env, job);
  const looked = await readAll(env, job, page.rows);
  const byFamily = Map.groupBy(
    looked.filter((each): each is Looked & Found => !("why" in each)),
    (found) => familyOf(job, found),
  );
  const versions = { ...job.versions };
  for (const [family, calls] of byFamily)
    versions[family] ??= currentVersion(calls.map(({ candidate }) => candidate.version)) ?? "";

  const templates = new Map(
    [...byFamily].map(([family, calls]) => [
      family,
      seen.template(
        family,
        calls.map(({ shingles }) => shingles),
      ),
    ]),
  );
  const items: SealedItem[] = [];
  let { counts } = job;

  async function take(found: Found): Promise<void> {
    const family = familyOf(job, found);
    const itemId = found.row.id;
    const training = job.kind === "training";
    const reason = training ? rejection(found, versions[family] ?? "") : null;
    const own = ownShingles(found.shingles, templates.get(family) ?? new Set());
    const twin = training && reason === null ? seen.look({ family, itemId, own }) : null;
    if (reason !== null || twin?.duplicate) {
      counts = omitted(counts, reason ?? "near_duplicate");
      return;
    }
    const { side, nodesOnly, example } = found;
    const exportable = lineOf(example, nodesOnly) !== null;
    const facts = { itemId, side, nodesOnly, exportable };
    const item = await sealItem({ env, projectId: job.projectId, datasetId: job.id, facts, example });
    if (item.ciphertext.byteLength > MAX_ITEM_BYTES) {
      counts = omitted(counts, "too_large");
      return;
    }
    twin?.remember();
    items.push(item);
    counts = kept(counts, { ...facts, corrected: found.candidate.corrected });
  }

  for (const each of looked) {
    if (counts.items >= job.limit) break;
    if ("why" in each) counts = omitted(counts, each.why);
    else await take(each);
  }
  const done = page.next === null || counts.items >= job.limit;
  return { job: { ...job, before: page.next, counts, versions }, items, done };
}
