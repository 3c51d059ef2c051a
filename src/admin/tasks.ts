import { createRoute, z } from "@hono/zod-openapi";
import type { Stage, Standing } from "../conversion/modes.ts";
import { auditInsert } from "../db/audit.ts";
import { RouteletError } from "../errors.ts";
import type { Certification } from "../routing/guarantee/learn-then-test.ts";
import { agreementInterval } from "../routing/statistics/agreement-interval.ts";
import type { DrawRecord, HistoryEntry, Task } from "../work/task.ts";
import type { AdminApp } from "./context.ts";
import {
  adminOnly,
  commonErrors,
  isoTime,
  jsonResponse,
  notFoundError,
  projectSchema,
  timeSchema,
} from "./responses.ts";

const stageSchema = z.object({
  mode: z.enum(["observe", "shadow", "canary", "promoted", "demoted"]),
  share: z.number().openapi({ description: "Of the task's conversations, that the small model answers." }),
});

const certificationSchema = z
  .object({
    attempt: z.number().int().openapi({ description: "Which attempt at this task it was, from 1." }),
    epsilon: z.number().openapi({ description: "The certified bound of the loss." }),
    delta: z.number().openapi({ description: "What this attempt may be wrong with." }),
    n: z.number().int().openapi({ description: "Drawn calls that were counted." }),
    missing: z
      .number()
      .int()
      .openapi({ description: "Of these, counted as losses because nothing was known." }),
    threshold: z.number().nullable().openapi({ description: "Null: not certified." }),
    losses: z.number().int(),
    released: z.number().int().openapi({ description: "Answers that the threshold would have released." }),
    p: z.number(),
  })
  .openapi("Certification");

const taskSchema = z
  .object({
    object: z.literal("task"),
    id: z.string(),
    name: z.string(),
    mode: stageSchema.shape.mode,
    share: stageSchema.shape.share,
    since: timeSchema,
    excluded: z.boolean(),
    approved: z.boolean(),
    human: z.boolean(),
    calls: z.number().int(),
    first_seen_at: timeSchema,
    last_seen_at: timeSchema,
    candidate: z.object({ model: z.string(), fingerprint: z.string() }).nullable(),
    certification: certificationSchema.nullable(),
    audits: z.number().int().openapi({ description: "Audited calls since this stage began." }),
  })
  .openapi("Task");

const historySchema = z.object({
  at: timeSchema,
  from: stageSchema,
  to: stageSchema,
  because: z.string(),
  certification: certificationSchema.nullable(),
});

const evidenceSchema = z.object({
  drawn: z.number().int(),
  settled: z.number().int(),
  fine: z.number().int(),
  wrong: z.number().int(),
  missing: z.number().int(),
  rejected: z.number().int().openapi({ description: "Answers that a hard check refused." }),
  agreement: z.number().nullable().openapi({ description: "Of the answers that could be compared." }),
  agreement_low: z.number().nullable().openapi({ description: "Of its 90 % interval." }),
  agreement_high: z.number().nullable(),
});

const worseSchema = z.object({
  n: z.number().int(),
  worse: z.number().int().openapi({ description: "Of these, where the small model alone was." }),
  bound: z.number().openapi({
    description: "How large that share may be, at confidence 1 - the attempt's delta, at all looks together.",
  }),
  margin: z.number().openapi({ description: "What it must not be above." }),
});

const conditionsSchema = z
  .object({
    tests: z.number().int().openapi({
      description: "Draws of the present attempt's test side, up to the first that is not settled.",
    }),
    invalid: worseSchema,
    over_calling: worseSchema.nullable().openapi({ description: "Null for a task without tools." }),
    p95_ms: z.number().nullable(),
    max_p95_ms: z.number().nullable(),
    stays: z
      .string()
      .nullable()
      .openapi({ description: "What was in the way of the next move at the last look; `done` for nothing." }),
  })
  .openapi({
    description: "What is asked before a small model answers its first call, beside a certificate.",
  });

const triedSchema = z.object({
  model: z.string(),
  fingerprint: z.string(),
  good: z.number().int().openapi({ description: "Training calls that it would have answered right." }),
  bad: z.number().int(),
});

const drawSchema = z.object({
  call_id: z.string(),
  kind: z.enum(["shadow", "audit"]),
  share: z.number(),
  at: timeSchema,
  label: z.enum(["fine", "wrong", "missing"]).nullable().openapi({ description: "Null: not settled yet." }),
  by: z.string().nullable().openapi({
    description:
      "What the label goes by: `feedback`, `calls`, `json`, `text` or `judge`; else why there is none.",
  }),
  answer: z.enum(["scored", "rejected", "missing"]).nullable(),
  score: z.number().nullable(),
  findings: z.array(z.string()),
  slm_tokens: z.object({ input: z.number(), output: z.number() }).nullable(),
  reference_tokens: z.object({ input: z.number(), cached: z.number(), output: z.number() }).nullable(),
  audit_usd: z.number().nullable().openapi({ description: "What asking the reference for an audit cost." }),
  judge_usd: z.number().nullable(),
  feedback: z
    .object({
      at: timeSchema,
      state: z.enum(["pending", "counted", "frozen"]).openapi({
        description:
          "`pending`: the draw is not settled yet. `frozen`: what was decided on it is decided, and its label stands.",
      }),
      score: z.number().nullable(),
      corrected: z.boolean(),
      of_run: z.boolean(),
      label_without: z.enum(["fine", "wrong", "missing"]).nullable(),
    })
    .nullable()
    .openapi({ description: "What was last said of the call (`POST /v1/feedback`)." }),
});

const list = createRoute({
  method: "get",
  path: "/api/tasks",
  tags: ["tasks"],
  summary: "Recurring tasks, those seen last first",
  ...adminOnly,
  request: { query: z.object({ project: projectSchema }) },
  responses: {
    200: jsonResponse(z.object({ object: z.literal("list"), data: z.array(taskSchema) }), "All of them."),
    ...commonErrors,
  },
});

const params = z.object({ id: z.string().min(1).max(256) });
/** Draws of one answer, unless more are asked for. */
const DRAWS = 100;
/** Names of one answer. */
const NAMES = 200;

const detail = createRoute({
  method: "get",
  path: "/api/tasks/{id}",
  tags: ["tasks"],
  summary: "One task with its evidence and its history",
  ...adminOnly,
  request: {
    params,
    query: z.object({
      project: projectSchema,
      draws: z.coerce
        .number()
        .int()
        .min(0)
        .max(10_000)
        .default(DRAWS)
        .openapi({ description: "How many of its draws are shown, the newest first." }),
    }),
  },
  responses: {
    200: jsonResponse(
      taskSchema
        .extend({
          evidence: evidenceSchema,
          conditions: conditionsSchema,
          names: z.array(z.string()).openapi({
            description:
              "What its calls are recorded under: its id, keys of prompts that were recognised as it, and tasks that were merged into it. The first 200.",
          }),
          candidates: z.array(triedSchema).openapi({ description: "Those that are, or were, tried." }),
          history: z.array(historySchema),
          draws: z.array(drawSchema).openapi({ description: "The newest." }),
        })
        .openapi("TaskDetail"),
      "The task.",
    ),
    ...commonErrors,
    ...notFoundError,
  },
});

const changeSchema = z
  .strictObject({
    name: z.string().min(1).max(128).optional(),
    excluded: z
      .boolean()
      .optional()
      .openapi({ description: "Keeps the task at the model that is asked for." }),
    max_p95_ms: z.number().int().min(1).nullable().optional().openapi({
      description:
        "The task's own limit in place of `conversion.max_p95_ms`; null: the project's counts again.",
    }),
    approved: z.boolean().optional().openapi({ description: "Lets what is certified answer calls." }),
    mode: z
      .enum(["observe", "shadow"])
      .optional()
      .openapi({ description: "Takes the task back (`observe`), or begins again (`shadow`)." }),
    merge_into: z.string().min(1).max(256).optional().openapi({
      description:
        "The id of another task, of which this one is a part from now on; that one is the answer. Both lose their evidence. Alone.",
    }),
    split_off: z.string().min(1).max(256).optional().openapi({
      description:
        "One of the task's `names`, whose calls are a task of their own from now on. The task loses its evidence. Alone.",
    }),
  })
  .refine(({ merge_into, split_off, ...others }) => {
    const regroups = [merge_into, split_off].filter((given) => given !== undefined).length;
    return regroups === 0 || (regroups === 1 && Object.keys(others).length === 0);
  }, "`merge_into` and `split_off` are each sent alone")
  .openapi("TaskChange");

const change = createRoute({
  method: "patch",
  path: "/api/tasks/{id}",
  tags: ["tasks"],
  summary: "Rename, exclude, approve, take back, restart, merge or split a task",
  ...adminOnly,
  request: {
    params,
    query: z.object({ project: projectSchema }),
    body: { required: true, content: { "application/json": { schema: changeSchema } } },
  },
  responses: { 200: jsonResponse(taskSchema, "The task as it is now."), ...commonErrors, ...notFoundError },
});

function certificationJson(found: Certification | null): z.infer<typeof certificationSchema> | null {
  if (found === null) return null;
  const { attempt, epsilon, delta, n, missing, threshold, tests } = found;
  const test = tests.findLast((each) => each.threshold === threshold) ?? tests.at(-1);
  const { losses = 0, released = 0, p = 1 } = test ?? {};
  return { attempt, epsilon, delta, n, missing, threshold, losses, released, p };
}

function taskJson(task: Task): z.infer<typeof taskSchema> {
  const { id, name, stage, excluded, approved, human, calls, candidate, audits } = task;
  return {
    object: "task",
    id,
    name,
    ...stage,
    since: isoTime(task.stageSince),
    excluded,
    approved,
    human,
    calls,
    first_seen_at: isoTime(task.firstSeenAt),
    last_seen_at: isoTime(task.lastSeenAt),
    candidate: candidate && { model: candidate.model, fingerprint: candidate.fingerprint },
    certification: certificationJson(task.certification),
    audits,
  };
}

function evidenceJson(draws: readonly DrawRecord[]): z.infer<typeof evidenceSchema> {
  const settled = draws.flatMap(({ outcome }) => outcome ?? []);
  const labelled = (label: string) => settled.filter((outcome) => outcome.label === label).length;
  const [fine, wrong] = [labelled("fine"), labelled("wrong")];
  const interval = agreementInterval({ agreed: fine, of: fine + wrong });
  return {
    drawn: draws.length,
    settled: settled.length,
    fine,
    wrong,
    missing: labelled("missing"),
    rejected: settled.filter(({ answer }) => answer.kind === "rejected").length,
    agreement: fine + wrong === 0 ? null : fine / (fine + wrong),
    agreement_low: interval?.low ?? null,
    agreement_high: interval?.high ?? null,
  };
}

const drawJson = ({
  callId,
  kind,
  share,
  at,
  outcome,
  feedback,
}: DrawRecord): z.infer<typeof drawSchema> => ({
  call_id: callId,
  kind,
  share,
  at: isoTime(at),
  label: outcome?.label ?? null,
  by: outcome?.by ?? null,
  answer: outcome?.answer.kind ?? null,
  score: outcome?.answer.kind === "scored" ? outcome.answer.score : null,
  findings: outcome?.findings ?? [],
  slm_tokens: outcome?.slmTokens ?? null,
  reference_tokens: outcome?.referenceTokens ?? null,
  audit_usd: outcome?.auditCostUsd ?? null,
  judge_usd: outcome?.judgeCostUsd ?? null,
  feedback:
    feedback === undefined
      ? null
      : {
          at: isoTime(feedback.at),
          state: feedback.state,
          score: feedback.score,
          corrected: feedback.corrected,
          of_run: feedback.ofRun,
          label_without: outcome?.matched?.label ?? outcome?.label ?? null,
        },
});

const historyJson = ({ at, from, to, because, certification }: HistoryEntry) => ({
  at: isoTime(at),
  from: from as Stage,
  to: to as Stage,
  because,
  certification: certificationJson(certification),
});

function conditionsJson(
  task: Task,
  standing: Standing,
  limits: { maxP95Ms: number | null; formMargin: number },
): z.infer<typeof conditionsSchema> {
  const { tests, invalid, overCalling, p95Ms } = standing;
  const { formMargin: margin, maxP95Ms } = limits;
  return {
    tests,
    invalid: { ...invalid, margin },
    over_calling: overCalling && { ...overCalling, margin },
    p95_ms: p95Ms,
    max_p95_ms: maxP95Ms,
    stays: task.stays ?? null,
  };
}

function taskNotFound(): RouteletError {
  return new RouteletError({
    kind: "not_found",
    code: "task_not_found",
    message: "This project has no such task. `GET /api/tasks` lists what was seen.",
    param: "id",
  });
}

/** Why a task was not merged or split. */
const NOT_CHANGED = {
  unknown_target: {
    kind: "not_found",
    code: "task_not_found",
    message: "`merge_into` must be the id of another task of this project. `GET /api/tasks` lists them.",
    param: "merge_into",
  },
  human: {
    kind: "invalid_request",
    code: "human_audience",
    message: "A task whose answers people read, and one whose answers they do not, cannot be one.",
    param: "merge_into",
  },
  unknown_name: {
    kind: "not_found",
    code: "name_not_found",
    message: "`split_off` must be one of the task's `names` (`GET /api/tasks/{id}`), and not its id.",
    param: "split_off",
  },
} as const;

function notChanged(why: "unknown" | keyof typeof NOT_CHANGED): RouteletError {
  return why === "unknown" ? taskNotFound() : new RouteletError(NOT_CHANGED[why]);
}

/** `/api/tasks`. */
export function addTaskRoutes(app: AdminApp): void {
  app.openapi(list, async (c) => {
    const { project } = c.req.valid("query");
    const tasks = await c.env.WORK.getByName(project).tasks();
    return c.json({ object: "list" as const, data: tasks.map(taskJson) }, 200);
  });

  app.openapi(detail, async (c) => {
    const { project, draws: most } = c.req.valid("query");
    const found = await c.env.WORK.getByName(project).task(c.req.valid("param").id);
    if (found === null) throw taskNotFound();
    const { task, draws, history } = found;
    const { standing, limits, tried, names } = found;
    return c.json(
      {
        ...taskJson(task),
        evidence: evidenceJson(draws),
        conditions: conditionsJson(task, standing, limits),
        candidates: tried.map(({ candidate: { model, fingerprint }, good, bad }) => ({
          model,
          fingerprint,
          good,
          bad,
        })),
        names: names.slice(0, NAMES),
        history: history.map(historyJson),
        draws: draws
          .slice(draws.length - Math.min(most, draws.length))
          .reverse()
          .map(drawJson),
      },
      200,
    );
  });

  app.openapi(change, async (c) => {
    const { project } = c.req.valid("query");
    const { id } = c.req.valid("param");
    const work = c.env.WORK.getByName(project);
    const { merge_into: into, split_off: name, max_p95_ms: maxP95Ms, ...decided } = c.req.valid("json");
    const asked = maxP95Ms === undefined ? decided : { ...decided, maxP95Ms };
    const changed =
      into !== undefined
        ? await work.merge(id, into)
        : name !== undefined
          ? await work.split(id, name)
          : ((await work.change(id, asked)) ?? "unknown");
    if (typeof changed === "string") throw notChanged(changed);
    const entry = { at: Date.now(), action: "task.change", target: id, projectId: project } as const;
    await auditInsert({ db: c.env.DB, entry });
    return c.json(taskJson(changed), 200);
  });
}
