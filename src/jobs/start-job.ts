import { countItems, datasetNotFound, readDataset } from "../datasets/dataset-store.ts";
import type { DatasetRow } from "../db/schema.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import { candidateNamed } from "../work/find-candidate.ts";
import { beginJob, cancelJob, newJobId } from "./job-store.ts";

function refused(code: string, param: string, message: string): RouteletError {
  return new RouteletError({ kind: "invalid_request", code, param, message });
}

async function datasetOf(env: Env, projectId: string, id: string, param: string): Promise<DatasetRow> {
  const row = await readDataset({ db: env.DB, projectId, id });
  if (row === null) throw datasetNotFound(param);
  if (row.state !== "ready")
    throw refused(
      "dataset_not_ready",
      param,
      `The data set is \`${row.state}\`; a job needs one that is \`ready\`.`,
    );
  return row;
}

/**
 * Makes a job that evaluates a small model on a data set; nodes work on it behind every call.
 * @throws RouteletError `dataset_not_found`, `dataset_not_ready`, `dataset_has_no_items`, `examples_from_evaluation`,
 * `model_not_served`; what D1 threw.
 */
export async function startEvaluation(options: {
  env: Env;
  projectId: string;
  datasetId: string;
  /** A model's id, with or without `slm/`. */
  model: string;
  limit: number;
  inContext: { datasetId: string; count: number } | null;
  now: number;
}): Promise<string> {
  const { env, projectId, datasetId, limit, inContext, now } = options;
  await datasetOf(env, projectId, datasetId, "dataset");
  if (inContext !== null) {
    const { kind } = await datasetOf(env, projectId, inContext.datasetId, "examples_from");
    if (kind === "evaluation" || inContext.datasetId === datasetId)
      throw refused(
        "examples_from_evaluation",
        "examples_from",
        "Examples come from a training set, and not from what is evaluated: a model would be shown the answers.",
      );
  }
  const query = { db: env.DB, projectId, datasetId, nodesOnly: true };
  const total = Math.min(limit, await countItems(query));
  if (total === 0)
    throw refused(
      "dataset_has_no_items",
      "dataset",
      "No item of this data set has a form that a model can be asked in.",
    );
  const model = options.model.replace(/^slm\//, "");
  const candidate = await candidateNamed({ env, projectId, model });
  if (candidate === null)
    throw refused(
      "model_not_served",
      "model",
      `No connected node of this project serves \`${model}\` now. \`GET /api/nodes\` lists what they serve.`,
    );
  const id = newJobId(now);
  const spec = { datasetId, limit, candidate, inContext };
  const events = [{ at: now, message: `${total} items of ${datasetId} for ${model}.` }];
  await beginJob({ db: env.DB, id, projectId, spec, total, events, now });
  try {
    await env.JOB_RUN.getByName(id).submit({ id, projectId, spec, total, events });
  } catch (thrown) {
    // Nobody would ever run it.
    await cancelJob({ db: env.DB, projectId, id, now });
    throw thrown;
  }
  return id;
}
