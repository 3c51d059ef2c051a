import { z } from "@hono/zod-openapi";
import type { AttemptRow, CallRow } from "../db/schema.ts";
import { isoTime, timeSchema } from "./responses.ts";

const usageSchema = z
  .object({
    input_tokens: z.number().int().openapi({ description: "Cached ones included." }),
    cached_input_tokens: z.number().int(),
    output_tokens: z.number().int(),
  })
  .nullable();

export const outcomeSchema = z
  .enum(["running", "done", "error", "deadline", "cancelled", "lost"])
  .openapi({ description: "`cancelled`: the client left. `lost`: the end was never reported." });

const costSchema = z.number().nullable().openapi({ description: "US dollars; null when unknown." });

export const callSchema = z
  .object({
    object: z.literal("call"),
    id: z.string(),
    project: z.string(),
    key_id: z.string(),
    started_at: timeSchema,
    ended_at: timeSchema.nullable(),
    endpoint: z.string(),
    requested_model: z.string(),
    route: z.string().nullable(),
    task: z.string().nullable(),
    session: z.string().nullable(),
    stream: z.boolean(),
    trace_id: z.string().nullable(),
    outcome: outcomeSchema,
    status: z.number().int().nullable().openapi({ description: "The HTTP status that the client saw." }),
    served_by: z.string().nullable().openapi({ example: "slm/smollm2-135m-instruct" }),
    reason: z.string().nullable(),
    error_code: z.string().nullable(),
    latency_ms: z.number().nullable(),
    first_byte_ms: z.number().nullable(),
    usage: usageSchema,
    cost_usd: costSchema,
  })
  .openapi("Call");

export const attemptSchema = z
  .object({
    seq: z.number().int(),
    kind: z.enum(["node", "cloud"]),
    backend: z.string(),
    model: z.string(),
    started_at: timeSchema,
    latency_ms: z.number(),
    first_byte_ms: z.number().nullable(),
    outcome: outcomeSchema,
    status: z.number().int().nullable(),
    error_code: z.string().nullable(),
    usage: usageSchema,
    cost_usd: costSchema,
  })
  .openapi("Attempt");

export function callJson(row: CallRow): z.infer<typeof callSchema> {
  return {
    object: "call",
    id: row.id,
    project: row.projectId,
    key_id: row.keyId,
    started_at: isoTime(row.startedAt),
    ended_at: row.endedAt === null ? null : isoTime(row.endedAt),
    endpoint: row.endpoint,
    requested_model: row.requestedModel,
    route: row.route,
    task: row.task,
    session: row.session,
    stream: row.stream,
    trace_id: row.traceId,
    outcome: row.outcome ?? "running",
    status: row.status,
    served_by: row.servedBy,
    reason: row.reason,
    error_code: row.errorCode,
    latency_ms: row.latencyMs,
    first_byte_ms: row.firstByteMs,
    usage: usageJson(row),
    cost_usd: row.costUsd,
  };
}

export function attemptJson(row: AttemptRow): z.infer<typeof attemptSchema> {
  return {
    seq: row.seq,
    kind: row.kind,
    backend: row.backend,
    model: row.model,
    started_at: isoTime(row.startedAt),
    latency_ms: row.latencyMs,
    first_byte_ms: row.firstByteMs,
    outcome: row.outcome,
    status: row.status,
    error_code: row.errorCode,
    usage: usageJson(row),
    cost_usd: row.costUsd,
  };
}

function usageJson(
  row: Pick<CallRow, "inputTokens" | "cachedInputTokens" | "outputTokens">,
): z.infer<typeof usageSchema> {
  if (row.inputTokens === null || row.outputTokens === null) return null;
  return {
    input_tokens: row.inputTokens,
    cached_input_tokens: row.cachedInputTokens ?? 0,
    output_tokens: row.outputTokens,
  };
}
