import { RouteletError } from "../../errors.ts";

/** A tool call's delta, as loose as servers send it. */
export interface ToolCallDelta {
  index?: unknown;
  id?: unknown;
  type?: unknown;
  function?: { name?: unknown; arguments?: unknown } | null;
  [more: string]: unknown;
}

export interface ChunkChoice {
  index?: unknown;
  delta?: Record<string, unknown> | null;
  finish_reason?: unknown;
  logprobs?: unknown;
  [more: string]: unknown;
}

/** A streamed chunk; only that it is an object with a list of objects for choices is certain. */
export interface Chunk {
  id?: unknown;
  created?: unknown;
  model?: unknown;
  error?: unknown;
  usage?: unknown;
  choices: ChunkChoice[];
  [more: string]: unknown;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Reads an event's data as a chunk; null when it is none. `changed` tells that the chunk is not what was sent: SDKs
 * look into `choices` unasked, and some servers leave it out beside usage. Hand-written: this is done for every token.
 */
export function readChunk(data: string): { chunk: Chunk; changed: boolean } | null {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    return null;
  }
  if (!isObject(json)) return null;
  if (json.choices == null && json.usage == null && json.error == null) return null;
  const choices = json.choices ?? [];
  if (!Array.isArray(choices)) return null;
  for (const choice of choices) {
    if (!isObject(choice)) return null;
    if (choice.delta != null && !isObject(choice.delta)) return null;
    const calls = isObject(choice.delta) ? choice.delta.tool_calls : null;
    if (calls != null && !(Array.isArray(calls) && calls.every(isToolCall))) return null;
  }
  return { chunk: { ...json, choices }, changed: !Array.isArray(json.choices) };
}

function isToolCall(value: unknown): boolean {
  return isObject(value) && (value.function == null || isObject(value.function));
}

/** The tool calls of a checked delta. */
export function toolCallsOf(delta: Record<string, unknown>): ToolCallDelta[] {
  return Array.isArray(delta.tool_calls) ? (delta.tool_calls as ToolCallDelta[]) : [];
}

/** Whether a delta is more than a role: reasoning, refusals and audio count, empty things do not (wire trap 20). */
export function hasContent(delta: Record<string, unknown>): boolean {
  for (const name in delta) {
    const value = delta[name];
    if (name === "role" || value == null || value === "") continue;
    if (Array.isArray(value) && value.length === 0) continue;
    return true;
  }
  return false;
}

/** An error's own words, from OpenAI's error object or whatever stands in its place. */
export function errorText(error: unknown): string {
  if (typeof error === "string") return error;
  if (isObject(error) && typeof error.message === "string") return error.message;
  return JSON.stringify(error);
}

const BUSY = /rate.?limit|overload|too many requests|capacity/i;

/** An error inside a reply whose status said that all is well; null for the empty `error` that some servers always send. */
export function errorInBand(error: unknown): RouteletError | null {
  const there = typeof error === "string" ? error !== "" : isObject(error) && Object.keys(error).length > 0;
  if (!there) return null;
  const code = isObject(error) ? (error.code ?? error.type ?? error.status) : null;
  const busy = code === 429 || code === 529 || (typeof code === "string" && BUSY.test(code));
  return new RouteletError({
    kind: busy ? "rate_limited" : "upstream",
    code: busy ? "backend_busy" : "upstream_error",
    message: `The backend reported an error in its reply: ${errorText(error)}`,
    retryable: true,
  });
}
