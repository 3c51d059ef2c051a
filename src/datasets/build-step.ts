import { eq } from "drizzle-orm";
import { curate } from "../conversion/curation/curate.ts";
import type { LeftOut } from "../conversion/curation/left-out.ts";
import { ownShingles } from "../conversion/curation/near-duplicates/shingles.ts";
import { currentVersion } from "../conversion/curation/schema-version.ts";
import type { Surrogates } from "../conversion/privacy/surrogates.ts";
import { database } from "../db/client.ts";
import { apiKeys, type CallRow, type DatasetKind } from "../db/schema.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import { type CallList, listCalls } from "../ledger/calls-query.ts";
import { surrogatesFor } from "../security/project-surrogates.ts";
import { readSettings } from "../security/settings-snapshot.ts";
import { type Counts, kept, omitted } from "./counts.ts";
import type { Example } from "./example.ts";
import { lineOf } from "./fine-tuning-line.ts";
import { MAX_ITEM_BYTES, type SealedItem, sealItem } from "./item.ts";
import { type Found, type Humans, readCandidate } from "./read-candidate.ts";
import type { SeenPrompts } from "./seen-prompts.ts";
import { withoutPrivate } from "./without-private.ts";

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
/** Contents that are opened at once. */
const AT_ONCE = 4;
/** Prompts of one step, in UTF-16 units: an object has 128 MB, and a prompt is in it some five times. */
const STEP_LENGTH = 4_000_000;
/** Errors that come back however often a call is read. */
const OURS = new Set(["TypeError", "RangeError", "SyntaxError"]);

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

const nameOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.name : typeof thrown);

/** One call that nothing can be made of must not hold up all others; what passes by itself is waited for. */
function unreadable(row: CallRow, thrown: unknown): { why: LeftOut } {
  const isOurs = thrown instanceof RouteletError ? !thrown.retryable : OURS.has(nameOf(thrown));
  if (!isOurs) throw thrown;
  console.error(JSON.stringify({ event: "call_unreadable", call: row.id, error: nameOf(thrown) }));
  return { why: "unreadable" };
}

/** The first of these calls, as many as one step may hold. */
async function readFirst(env: Env, job: BuildJob, rows: readonly CallRow[]): Promise<Looked[]> {
  const { projectId, kind } = job;
  const humans = await humansOf(env, projectId);
  const { feedbackThreshold } = (await readSettings({ db: env.DB, projectId })).conversion;
  const looked: Looked[] = [];
  for (let length = 0; looked.length < rows.length && length < STEP_LENGTH; ) {
    const reading = rows.slice(looked.length, looked.length + AT_ONCE).map(async (row) => ({
      row,
      ...(await readCandidate({ env, row, kind, humans, feedbackThreshold }).catch((thrown) =>
        unreadable(row, thrown),
      )),
    }));
    const read = await Promise.all(reading);
    looked.push(...read);
    for (const each of read) length += "why" in each ? 0 : each.length;
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

/** An example as it goes into the set. `remember`: from then on others are held against it. */
interface Taken {
  example: Example;
  replaced: boolean;
  remember: () => void;
}

/** What makes training data of calls, as far as it is a matter of all of them. */
interface Training {
  seen: SeenPrompts;
  versions: Record<string, string>;
  templates: ReadonlyMap<string, ReadonlySet<number>>;
  by: Surrogates;
}

/** Curated, no duplicate, and without what is private. */
function trainingExample(found: Found, family: string, training: Training): Taken | LeftOut {
  const { seen, versions, templates, by } = training;
  const reason = rejection(found, versions[family] ?? "");
  if (reason !== null) return reason;
  const own = ownShingles(found.shingles, templates.get(family) ?? new Set());
  const twin = seen.look({ family, itemId: found.row.id, own });
  if (twin.duplicate) return "near_duplicate";
  const treated = treatedOrNull(found, by);
  if (treated === null || lineOf(treated.example, found.nodesOnly) === null) return "untreated";
  return { ...treated, remember: twin.remember };
}

/** What cannot be treated is not taken, whatever the reason. */
function treatedOrNull({ row, example }: Found, by: Surrogates): Omit<Taken, "remember"> | null {
  try {
    return withoutPrivate(example, by);
  } catch (thrown) {
    console.error(JSON.stringify({ event: "item_untreated", call: row.id, error: nameOf(thrown) }));
    return null;
  }
}

/** What the calls of this step's tasks have in common; decided by a task's newest calls, and the same from then on. */
function learn(job: BuildJob, seen: SeenPrompts, found: readonly Found[]): Omit<Training, "by"> {
  const versions = { ...job.versions };
  const templates = new Map<string, ReadonlySet<number>>();
  for (const [family, calls] of Map.groupBy(found, (each) => familyOf(job, each))) {
    versions[family] ??= currentVersion(calls.map(({ candidate }) => candidate.version)) ?? "";
    const said = calls.map(({ shingles }) => shingles);
    templates.set(family, seen.template(family, said));
  }
  return { seen, versions, templates };
}

/** Looks at the next calls, and gives what of them goes into the set. Doing it again gives the same. */
export async function buildStep(options: { env: Env; job: BuildJob; seen: SeenPrompts }): Promise<Step> {
  const { env, job, seen } = options;
  const page = await nextCalls(env, job);
  const looked = await readFirst(env, job, page.rows);
  const found = looked.filter((each): each is Looked & Found => !("why" in each));
  const training = { ...learn(job, seen, found), by: await surrogatesFor(env, job.projectId) };
  const items: SealedItem[] = [];
  let { counts } = job;

  async function take(call: Found): Promise<LeftOut | null> {
    const raw: Taken = { example: call.example, replaced: false, remember: () => {} };
    const taken = job.kind === "training" ? trainingExample(call, familyOf(job, call), training) : raw;
    if (typeof taken === "string") return taken;
    const { example, replaced } = taken;
    const { side, nodesOnly } = call;
    const facts = { itemId: call.row.id, side, nodesOnly, exportable: lineOf(example, nodesOnly) !== null };
    const item = await sealItem({ env, projectId: job.projectId, datasetId: job.id, facts, example });
    if (item.ciphertext.byteLength > MAX_ITEM_BYTES) return "too_large";
    taken.remember();
    items.push(item);
    counts = kept(counts, { ...facts, replaced, corrected: call.candidate.corrected });
    return null;
  }

  for (const each of looked) {
    if (counts.items >= job.limit) break;
    const reason = "why" in each ? each.why : await take(each);
    if (reason !== null) counts = omitted(counts, reason);
  }
  const { versions } = training;
  const stopped = looked.length < page.rows.length;
  const before = stopped ? (looked.at(-1)?.row.id ?? null) : page.next;
  const done = before === null || counts.items >= job.limit;
  return { job: { ...job, before, counts, versions }, items, done };
}
