import { createRoute, z } from "@hono/zod-openapi";
import { auditInsert } from "../db/audit.ts";
import type { CallRow } from "../db/schema.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import { isCallId } from "../ledger/call-id.ts";
import { listCalls } from "../ledger/calls-query.ts";
import { readFeedback } from "../ledger/feedback/feedback-store.ts";
import { readCall, type StoredCall } from "../ledger/read-call.ts";
import { openBody } from "../ledger/store-body.ts";
import { attemptJson, attemptSchema, callJson, callSchema, outcomeSchema } from "./call-json.ts";
import type { AdminApp } from "./context.ts";
import { decodeCursor, pageFields, pageOf, pageQuery } from "./paging.ts";
import {
  adminOnly,
  commonErrors,
  isoTime,
  jsonResponse,
  notFoundError,
  projectSchema,
  timeSchema,
} from "./responses.ts";

const text = z.string().min(1).max(512).optional();
const time = z.iso.datetime({ offset: true }).optional();

const listQuery = z.object({
  project: projectSchema,
  model: text.openapi({ description: "The requested model." }),
  served_by: text.openapi({ description: "Who served, or the beginning of it: `slm/`, `llm/openai/`." }),
  outcome: outcomeSchema.optional(),
  status: z.coerce.number().int().min(100).max(599).optional(),
  task: text,
  session: text,
  key: text.openapi({ description: "The id of the API key." }),
  since: time.openapi({ description: "Calls that began at this time or later." }),
  until: time.openapi({ description: "Calls that began before this time." }),
  ...pageQuery,
});

const contentSchema = z
  .object({
    part: z.enum(["request", "response"]),
    text: z.string().nullable().openapi({ description: "Null when it cannot be opened; `error` says why." }),
    error: z.enum(["unknown_secret", "tampered"]).nullable(),
    original_bytes: z.number().int(),
    truncated: z.boolean(),
  })
  .openapi("Content");

const feedbackSchema = z
  .object({
    call_id: z.string().optional(),
    run_id: z
      .string()
      .optional()
      .openapi({ description: "The session's name, where it was of a whole run." }),
    key_id: z.string(),
    at: timeSchema,
    score: z.number().nullable().openapi({ description: "0 to 1; null where only a correction was sent." }),
    corrected: z.unknown().optional(),
    comment: z.string().optional(),
    error: z.enum(["unknown_secret", "tampered"]).optional(),
  })
  .openapi("Feedback");

const list = createRoute({
  method: "get",
  path: "/api/calls",
  tags: ["calls"],
  summary: "Calls, newest first",
  description:
    "A page looks at a bounded number of calls: with a rare filter it may be short or empty while `has_more` is true. `complete` is false while D1 does not answer; then only the newest calls are shown.",
  ...adminOnly,
  request: { query: listQuery },
  responses: {
    200: jsonResponse(
      z.object({ ...pageFields, data: z.array(callSchema), complete: z.boolean() }),
      "One page.",
    ),
    ...commonErrors,
  },
});

const detail = createRoute({
  method: "get",
  path: "/api/calls/{id}",
  tags: ["calls"],
  summary: "One call with its attempts",
  ...adminOnly,
  request: {
    params: z.object({ id: z.string().max(64) }),
    query: z.object({
      include: z
        .literal("bodies")
        .optional()
        .openapi({ description: "Opens the stored content. That it was opened is recorded." }),
    }),
  },
  responses: {
    200: jsonResponse(
      callSchema
        .extend({
          attempts: z.array(attemptSchema),
          feedback: z.array(feedbackSchema).nullable().openapi({
            description: "Of the call and of its run, newest first; null while D1 does not answer.",
          }),
          content: z.array(contentSchema).optional(),
        })
        .openapi("CallDetail"),
      "The call; `content` only when it was asked for.",
    ),
    ...commonErrors,
    ...notFoundError,
  },
});

/** `/api/calls`. */
export function addCallRoutes(app: AdminApp): void {
  app.openapi(list, async (c) => {
    const query = c.req.valid("query");
    const page = await listCalls({
      env: c.env,
      query: {
        projectId: query.project,
        model: query.model,
        servedBy: query.served_by,
        outcome: query.outcome,
        status: query.status,
        tasks: query.task === undefined ? undefined : [query.task],
        session: query.session,
        keyId: query.key,
        since: query.since === undefined ? undefined : Date.parse(query.since),
        until: query.until === undefined ? undefined : Date.parse(query.until),
        before:
          query.cursor === undefined ? undefined : decodeCursor({ cursor: query.cursor, isId: isCallId }),
        limit: query.limit,
      },
    });
    const data = page.rows.map(callJson);
    return c.json({ ...pageOf({ data, next: page.next }), complete: page.complete }, 200);
  });

  app.openapi(detail, async (c) => {
    const { id } = c.req.valid("param");
    const withBodies = c.req.valid("query").include === "bodies";
    const stored = await readCall({ env: c.env, id, withBodies });
    if (stored === null) throw callNotFound();
    const { call } = stored;
    const shown = { ...callJson(call), attempts: stored.attempts.map(attemptJson) };
    if (!withBodies) return c.json({ ...shown, feedback: await feedbackJson(c.env, call, false) }, 200);
    // The record comes first: content that nobody knows was opened is not shown.
    const entry = { at: Date.now(), action: "content.open", target: id } as const;
    await auditInsert({ db: c.env.DB, entry: { ...entry, projectId: call.projectId } });
    const content = await contentJson({ env: c.env, stored });
    return c.json({ ...shown, feedback: await feedbackJson(c.env, call, true), content }, 200);
  });
}

/** A call that the ledger still holds is shown with D1 down, too. */
async function feedbackJson(
  env: Env,
  { id, projectId, session }: CallRow,
  withContent: boolean,
): Promise<z.infer<typeof feedbackSchema>[] | null> {
  try {
    const kept = await readFeedback({ env, projectId, callId: id, session, withContent });
    return kept.map(({ target, keyId, at, score, content }) => ({
      ...("call" in target ? { call_id: target.call } : { run_id: target.run }),
      key_id: keyId,
      at: isoTime(at),
      score,
      ...content,
    }));
  } catch (error) {
    const kind = error instanceof Error ? error.name : typeof error;
    console.warn(JSON.stringify({ event: "calls_source_failed", source: "feedback", error: kind }));
    return null;
  }
}

function contentJson(options: { env: Env; stored: StoredCall }): Promise<z.infer<typeof contentSchema>[]> {
  const { call, bodies } = options.stored;
  return Promise.all(
    bodies.map(async (stored) => {
      const opened = await openBody({
        env: options.env,
        callId: call.id,
        projectId: call.projectId,
        stored,
      });
      return {
        part: stored.part,
        text: opened.ok ? new TextDecoder().decode(opened.plaintext) : null,
        error: opened.ok ? null : opened.reason,
        original_bytes: stored.originalBytes,
        truncated: stored.truncated,
      };
    }),
  );
}

function callNotFound(): RouteletError {
  return new RouteletError({
    kind: "not_found",
    code: "call_not_found",
    message: "There is no call with this id. The header `x-routelet-call` of a reply carries it.",
    param: "id",
  });
}
