import { createRoute, z } from "@hono/zod-openapi";
import { evaluationResult } from "../conversion/evaluation.ts";
import type { JobRow } from "../db/schema.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import {
  cancelJob,
  type EvaluationSpec,
  isJobId,
  type JobEvent,
  type JobProgress,
  listJobs,
  readJob,
} from "../jobs/job-store.ts";
import { startEvaluation } from "../jobs/start-job.ts";
import type { AdminApp } from "./context.ts";
import { decodeCursor, pageFields, pageOf, pageQuery } from "./paging.ts";
import {
  adminOnly,
  commonErrors,
  errorSchema,
  isoTime,
  jsonResponse,
  notFoundError,
  projectSchema,
  timeSchema,
} from "./responses.ts";

const MAX_ITEMS = 100_000;
const MAX_EXAMPLES = 16;

const shareSchema = z
  .object({ share: z.number(), low: z.number(), high: z.number() })
  .nullable()
  .openapi({ description: "With its 90 % interval (Wilson); null while there is nothing to count." });

const resultSchema = z.object({
  items: z.number().int().openapi({ description: "Items that are done." }),
  outcomes: z.record(z.string(), z.number().int()).openapi({
    description:
      "`agrees`, `differs`: the answer is, or is not, what the item holds. `invalid`: not what the call asked for. `unknown`: prose, or an item without an answer. `failed`: the model gave none. `unreadable`: the item could not be asked.",
  }),
  agreement: shareSchema,
  validity: shareSchema,
  p50_ms: z.number().nullable(),
  p95_ms: z.number().nullable(),
  input_tokens: z.number().int(),
  output_tokens: z.number().int(),
});

const jobSchema = z
  .object({
    object: z.literal("job"),
    id: z.string().openapi({ example: "job_01kb3x0000000000000000000a" }),
    project: z.string(),
    kind: z.literal("evaluation"),
    state: z.enum(["queued", "running", "succeeded", "failed", "cancelled"]),
    dataset: z.string(),
    model: z.string(),
    fingerprint: z
      .string()
      .openapi({ description: "Of all that decides the model's answers; no other version of it is asked." }),
    examples_from: z.string().nullable(),
    examples: z.number().int(),
    total: z.number().int().openapi({ description: "Items to be asked." }),
    result: resultSchema.openapi({ description: "What was found so far." }),
    events: z.array(z.object({ at: timeSchema, message: z.string() })).openapi({
      description: "The newest lines of its log; no content.",
    }),
    created_at: timeSchema,
    started_at: timeSchema.nullable(),
    ended_at: timeSchema.nullable(),
  })
  .openapi("Job");

const createSchema = z
  .strictObject({
    project: projectSchema,
    kind: z.literal("evaluation").default("evaluation"),
    dataset: z.string().min(1).max(64).openapi({ description: "The id of a data set that is ready." }),
    model: z.string().min(1).max(512).openapi({ description: "A model that a connected node serves." }),
    limit: z.number().int().min(1).max(MAX_ITEMS).default(1_000).openapi({ description: "Items at most." }),
    examples_from: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .openapi({ description: "A training set: its first items are shown to the model with each question." }),
    examples: z.number().int().min(1).max(MAX_EXAMPLES).default(4),
  })
  .openapi("CreateJob");

const params = z.object({ id: z.string().max(64) });
const projectQuery = z.object({ project: projectSchema });

const list = createRoute({
  method: "get",
  path: "/api/jobs",
  tags: ["jobs"],
  summary: "Jobs, newest first",
  ...adminOnly,
  request: { query: projectQuery.extend(pageQuery) },
  responses: {
    200: jsonResponse(z.object({ ...pageFields, data: z.array(jobSchema) }), "One page."),
    ...commonErrors,
  },
});

const create = createRoute({
  method: "post",
  path: "/api/jobs",
  tags: ["jobs"],
  summary: "Evaluate a small model on a data set",
  description:
    "Nodes work on it in their idle time, behind every call; a node that goes is waited for, or another with the same model takes over. Content goes to nodes of the project alone.",
  ...adminOnly,
  request: { body: { required: true, content: { "application/json": { schema: createSchema } } } },
  responses: { 201: jsonResponse(jobSchema, "It is queued."), ...commonErrors, ...notFoundError },
});

const detail = createRoute({
  method: "get",
  path: "/api/jobs/{id}",
  tags: ["jobs"],
  summary: "One job, how far it is and what it found",
  ...adminOnly,
  request: { params, query: projectQuery },
  responses: { 200: jsonResponse(jobSchema, "The job."), ...commonErrors, ...notFoundError },
});

const cancel = createRoute({
  method: "post",
  path: "/api/jobs/{id}/cancel",
  tags: ["jobs"],
  summary: "Cancel a job; what it found stays",
  ...adminOnly,
  request: { params, query: projectQuery },
  responses: {
    200: jsonResponse(jobSchema, "It is cancelled."),
    ...commonErrors,
    ...notFoundError,
    409: jsonResponse(errorSchema, "It has ended already."),
  },
});

function jobJson(row: JobRow): z.infer<typeof jobSchema> {
  const spec = JSON.parse(row.spec) as EvaluationSpec;
  const { total, tally } = JSON.parse(row.progress) as JobProgress;
  const { p50Ms, p95Ms, inputTokens, outputTokens, ...result } = evaluationResult(tally);
  return {
    object: "job",
    id: row.id,
    project: row.projectId,
    kind: row.kind,
    state: row.state,
    dataset: spec.datasetId,
    model: spec.candidate.model,
    fingerprint: spec.candidate.fingerprint,
    examples_from: spec.inContext?.datasetId ?? null,
    examples: spec.inContext?.count ?? 0,
    total,
    result: {
      ...result,
      p50_ms: p50Ms,
      p95_ms: p95Ms,
      input_tokens: inputTokens,
      output_tokens: outputTokens,
    },
    events: (JSON.parse(row.events) as JobEvent[]).map(({ at, message }) => ({ at: isoTime(at), message })),
    created_at: isoTime(row.createdAt),
    started_at: row.startedAt === null ? null : isoTime(row.startedAt),
    ended_at: row.endedAt === null ? null : isoTime(row.endedAt),
  };
}

async function found(env: Env, projectId: string, id: string): Promise<JobRow> {
  const row = await readJob({ db: env.DB, projectId, id });
  if (row !== null) return row;
  throw new RouteletError({
    kind: "not_found",
    code: "job_not_found",
    message: "This project has no such job. `GET /api/jobs` lists them.",
    param: "id",
  });
}

/** `/api/jobs`. */
export function addJobRoutes(app: AdminApp): void {
  app.openapi(list, async (c) => {
    const { project, cursor, limit } = c.req.valid("query");
    const before = cursor === undefined ? null : decodeCursor({ cursor, isId: isJobId });
    const rows = await listJobs({ db: c.env.DB, projectId: project, before, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const next = rows.length > limit ? (page.at(-1)?.id ?? null) : null;
    return c.json(pageOf({ data: page.map(jobJson), next }), 200);
  });

  app.openapi(create, async (c) => {
    const { project, dataset, model, limit, examples_from, examples } = c.req.valid("json");
    const id = await startEvaluation({
      env: c.env,
      projectId: project,
      datasetId: dataset,
      model,
      limit,
      inContext: examples_from === undefined ? null : { datasetId: examples_from, count: examples },
      now: Date.now(),
    });
    return c.json(jobJson(await found(c.env, project, id)), 201);
  });

  app.openapi(detail, async (c) => {
    const { project } = c.req.valid("query");
    return c.json(jobJson(await found(c.env, project, c.req.valid("param").id)), 200);
  });

  app.openapi(cancel, async (c) => {
    const { project: projectId } = c.req.valid("query");
    const { id } = c.req.valid("param");
    const row = await found(c.env, projectId, id);
    if (!(await cancelJob({ db: c.env.DB, projectId, id, now: Date.now() })))
      throw new RouteletError({
        kind: "invalid_request",
        status: 409,
        code: "job_ended",
        message: `The job is \`${row.state}\` already.`,
        param: "id",
      });
    await c.env.JOB_RUN.getByName(id).cancel();
    return c.json(jobJson(await found(c.env, projectId, id)), 200);
  });
}
