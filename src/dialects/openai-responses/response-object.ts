import type { RenderContext } from "../dialect.ts";
import type { Json } from "../json.ts";
import type { OutputItem } from "./output-items.ts";

/** What a response can be; `error` and `incomplete_details` say why it is not completed. */
export interface ResponseState {
  model: string;
  status: "queued" | "in_progress" | "completed" | "incomplete" | "failed";
  createdAt: number;
  completedAt: number | null;
  output: readonly OutputItem[];
  usage: Record<string, unknown> | null;
  serviceTier: string | null;
  error: { code: string; message: string } | null;
  incompleteReason: "max_output_tokens" | "content_filter" | null;
}

const or = (json: Json, field: string, otherwise: unknown): unknown => json[field] ?? otherwise;

/** A tool as the response repeats it, with what the caller left out. */
function echoTool(tool: unknown): unknown {
  if (typeof tool !== "object" || tool === null || !("type" in tool) || tool.type !== "function") return tool;
  return { description: null, parameters: null, strict: true, ...tool };
}

/** The same for the format of the reply's text. */
function echoFormat(format: unknown): unknown {
  if (typeof format !== "object" || format === null || !("type" in format)) return { type: "text" };
  return format.type === "json_schema" ? { description: null, strict: false, ...format } : format;
}

/** The id of the response to a call: it carries the call's ledger shard. */
export function responseIdOf(callId: string): string {
  return `resp_${callId.replace(/^call_/, "")}`;
}

/**
 * The response object: the caller's own settings, repeated as OpenAI repeats them, and what came of it. `json` is the
 * request, which is read once for the several times that it is repeated.
 */
export function responseObject(context: RenderContext, state: ResponseState, json: Json): Json {
  const text = (json.text ?? {}) as Json;
  const reasoning = (json.reasoning ?? {}) as Json;
  const tools = Array.isArray(json.tools) ? json.tools.map(echoTool) : [];
  return {
    id: responseIdOf(context.callId),
    object: "response",
    created_at: state.createdAt,
    completed_at: state.completedAt,
    status: state.status,
    error: state.error,
    incomplete_details: state.incompleteReason === null ? null : { reason: state.incompleteReason },
    instructions: or(json, "instructions", null),
    max_output_tokens: or(json, "max_output_tokens", null),
    max_tool_calls: or(json, "max_tool_calls", null),
    model: state.model,
    output: structuredClone(state.output),
    parallel_tool_calls: or(json, "parallel_tool_calls", true),
    previous_response_id: context.call.previousResponseId ?? null,
    prompt_cache_key: or(json, "prompt_cache_key", null),
    reasoning: { effort: reasoning.effort ?? null, summary: reasoning.summary ?? null },
    safety_identifier: or(json, "safety_identifier", null),
    service_tier: state.serviceTier ?? or(json, "service_tier", "default"),
    store: context.call.store !== "no",
    background: context.call.background === true,
    temperature: or(json, "temperature", 1),
    text: { format: echoFormat(text.format), verbosity: text.verbosity ?? "medium" },
    tool_choice: or(json, "tool_choice", "auto"),
    tools,
    top_logprobs: or(json, "top_logprobs", 0),
    top_p: or(json, "top_p", 1),
    presence_penalty: or(json, "presence_penalty", 0),
    frequency_penalty: or(json, "frequency_penalty", 0),
    truncation: or(json, "truncation", "disabled"),
    usage: state.usage,
    user: or(json, "user", null),
    metadata: or(json, "metadata", {}),
  };
}

/** A response that is still to be made. */
export function queuedResponse(context: RenderContext): Json {
  const state: ResponseState = {
    model: context.call.requestedModel,
    status: "queued",
    createdAt: Math.floor(context.now / 1000),
    completedAt: null,
    output: [],
    usage: null,
    serviceTier: null,
    error: null,
    incompleteReason: null,
  };
  return responseObject(context, state, JSON.parse(context.call.text) as Json);
}

/** Whether a response is still being made, or is to be. */
export function isUnfinished({ status }: Json): boolean {
  return status === "queued" || status === "in_progress";
}
