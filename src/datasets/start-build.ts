import { and, eq } from "drizzle-orm";
import { database } from "../db/client.ts";
import { requireProjects } from "../db/project-store.ts";
import { apiKeys, type DatasetKind } from "../db/schema.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import { listCalls } from "../ledger/calls-query.ts";
import { ENV_KEY_ID } from "../security/caller.ts";
import { readSettings } from "../security/settings-snapshot.ts";
import type { BuildJob } from "./build-step.ts";
import { NO_COUNTS } from "./counts.ts";
import { beginDataset, deleteDataset, newDatasetId } from "./dataset-store.ts";

/** Which calls an operator asks for. */
export interface Wanted {
  task: string | null;
  keyId: string | null;
  model: string | null;
  /** Milliseconds since the epoch. */
  since: number | null;
  until: number | null;
}

function taskNotFound(): RouteletError {
  return new RouteletError({
    kind: "not_found",
    code: "task_not_found",
    message:
      "This project has no such task, and no call that names it. `GET /api/tasks` lists what was seen.",
    param: "task",
  });
}

function neverCollected(param: "task" | "key"): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    code: "human_audience",
    message: `The calls of this ${param} are made for people (\`audience: human\`): they are never collected.`,
    param,
  });
}

/** The names that a task's calls are recorded under. Calls that are marked `slm` are told to no task, and may name one all the same. */
async function namesOfTask(env: Env, projectId: string, task: string): Promise<string[]> {
  const known = await env.WORK.getByName(projectId).taskNames(task);
  if (known?.human) throw neverCollected("task");
  if (known !== null) return known.names;
  const { rows } = await listCalls({ env, query: { projectId, tasks: [task], limit: 1 } });
  if (rows.length === 0) throw taskNotFound();
  return [task];
}

async function assertCollected(env: Env, projectId: string, keyId: string): Promise<void> {
  if (keyId === ENV_KEY_ID) return;
  const [key] = await database(env.DB)
    .select({ audience: apiKeys.audience })
    .from(apiKeys)
    .where(and(eq(apiKeys.projectId, projectId), eq(apiKeys.id, keyId)));
  if (key === undefined)
    throw new RouteletError({
      kind: "not_found",
      code: "key_not_found",
      message: "This project has no API key with this id. `GET /api/keys` lists them.",
      param: "key",
    });
  if (key.audience === "human") throw neverCollected("key");
}

async function assertCollecting(env: Env, projectId: string): Promise<void> {
  const { conversion } = await readSettings({ db: env.DB, projectId });
  if (conversion.collect === "on") return;
  throw new RouteletError({
    kind: "invalid_request",
    code: "collection_off",
    message:
      "This project collects no calls (`conversion.collect` is `off`). Switch it on, or import a file instead.",
  });
}

/**
 * Begins a data set of the project's recorded calls; it is made behind the answer.
 * @throws RouteletError `project_not_found`, `collection_off`, `task_not_found`, `key_not_found`, `human_audience`,
 * `dataset_building`; what D1 threw.
 */
export async function startBuild(options: {
  env: Env;
  projectId: string;
  name: string;
  kind: DatasetKind;
  wanted: Wanted;
  limit: number;
  now: number;
}): Promise<string> {
  const { env, projectId, name, kind, wanted, limit, now } = options;
  await requireProjects({ db: env.DB, ids: [projectId], param: "project" });
  await assertCollecting(env, projectId);
  const { task, keyId, model, since } = wanted;
  if (keyId !== null) await assertCollected(env, projectId, keyId);
  const tasks = task === null ? null : await namesOfTask(env, projectId, task);
  // What comes later belongs to the next version.
  const until = Math.min(wanted.until ?? now + 1, now + 1);
  const id = newDatasetId(now);
  const filter = JSON.stringify({ task, key: keyId, model, since, until, limit });
  const set = { id, projectId, name, kind, source: "calls", filter, createdAt: now } as const;
  await beginDataset({ db: env.DB, set, counts: NO_COUNTS });
  const job: BuildJob = {
    id,
    projectId,
    kind,
    choice: { tasks, keyId, model, since, until },
    limit,
    before: null,
    counts: NO_COUNTS,
    versions: {},
  };
  try {
    await env.DATASET_BUILD.getByName(id).submit(job);
  } catch (thrown) {
    // Nobody would ever make it, and its name would be taken.
    await deleteDataset({ db: env.DB, projectId, id, now });
    throw thrown;
  }
  return id;
}
