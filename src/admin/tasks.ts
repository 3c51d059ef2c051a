import { createRoute, z } from "@hono/zod-openapi";
import type { Stage } from "../conversion/modes.ts";
import { auditInsert } from "../db/audit.ts";
import { RouteletError } from "../errors.ts";
import type { Certification } from "../routing/guarantee/learn-then-test.ts";
import { agreementInterval } from "../routing/statistics/agreement-interval.ts";
import type { DrawRecord, HistoryEntry, Task } from "../work/task-store.ts";
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

const drawSchema = z.object({
  call_id: z.string(),
  kind: z.enum(["shadow", "audit"]),
  share: z.number(),
  at: timeSchema,
  label: z.enum(["fine", "wrong", "missing"]).nullable().openapi({ description: "Null: not settled yet." }),
  by: z.string().nullable(),
  answer: z.enum(["scored", "rejected", "missing"]).nullable(),
  score: z.number().nullable(),
  findings: z.array(z.string()),
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

const detail = createRoute({
  method: "get",
  path: "/api/tasks/{id}",
  tags: ["tasks"],
  summary: "One task with its evidence and its history",
  ...adminOnly,
  request: { params, query: z.object({ project: projectSchema }) },
  responses: {
    200: jsonResponse(
      taskSchema
        .extend({
          evidence: evidenceSchema,
          history: z.array(historySchema),
          draws: z.array(drawSchema).openapi({ description: "The newest 100." }),
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
    approved: z.boolean().optional().openapi({ description: "Lets what is certified answer calls." }),
    mode: z
      .enum(["observe", "shadow"])
      .optional()
      .openapi({ description: "Takes the task back (`observe`), or begins again (`shadow`)." }),
  })
  .openapi("TaskChange");

const change = createRoute({
  method: "patch",
  path: "/api/tasks/{id}",
  tags: ["tasks"],
  summary: "Rename, exclude, approve, take back or restart a task",
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

const drawJson = ({ callId, kind, share, at, outcome }: DrawRecord): z.infer<typeof drawSchema> => ({
  call_id: callId,
  kind,
  share,
  at: isoTime(at),
  label: outcome?.label ?? null,
  by: outcome?.by ?? null,
  answer: outcome?.answer.kind ?? null,
  score: outcome?.answer.kind === "scored" ? outcome.answer.score : null,
  findings: outcome?.findings ?? [],
});

const historyJson = ({ at, from, to, because, certification }: HistoryEntry) => ({
  at: isoTime(at),
  from: from as Stage,
  to: to as Stage,
  because,
  certification: certificationJson(certification),
});

function taskNotFound(): RouteletError {
  return new RouteletError({
    kind: "not_found",
    code: "task_not_found",
    message: "This project has no such task. `GET /api/tasks` lists what was seen.",
    param: "id",
  });
}

/** `/api/tasks`. */
export function addTaskRoutes(app: AdminApp): void {
  app.openapi(list, async (c) => {
    const { project } = c.req.valid("query");
    const tasks = await c.env.WORK.getByName(project).tasks();
    return c.json({ object: "list" as const, data: tasks.map(taskJson) }, 200);
  });

  app.openapi(detail, async (c) => {
    const { project } = c.req.valid("query");
    const found = await c.env.WORK.getByName(project).task(c.req.valid("param").id);
    if (found === null) throw taskNotFound();
    const { task, draws, history } = found;
    return c.json(
      {
        ...taskJson(task),
        evidence: evidenceJson(draws),
        history: history.map(historyJson),
        draws: draws.slice(-100).reverse().map(drawJson),
      },
      200,
    );
  });

  app.openapi(change, async (c) => {
    const { project } = c.req.valid("query");
    const { id } = c.req.valid("param");
    const changed = await c.env.WORK.getByName(project).change(id, c.req.valid("json"));
    if (changed === null) throw taskNotFound();
    const entry = { at: Date.now(), action: "task.change", target: id, projectId: project } as const;
    await auditInsert({ db: c.env.DB, entry });
    return c.json(taskJson(changed), 200);
  });
}
