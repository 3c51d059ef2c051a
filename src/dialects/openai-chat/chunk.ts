import type { RouteletError } from "../../errors.ts";
import { isObject } from "../json.ts";
import { errorOf } from "./error-in-band.ts";

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
  usage?: unknown;
  choices: ChunkChoice[];
  [more: string]: unknown;
}

/** What an event says: a chunk, an error, or nothing that could be read. */
export type ReadEvent =
  /** `changed`: the chunk is not what was sent. */
  { chunk: Chunk; changed: boolean } | { error: RouteletError } | null;

/**
 * Reads an event's data. Where a chunk has no `choices` (some servers leave it out beside usage) it gets an empty list,
 * since SDKs look into it unasked. Hand-written: this is done for every token.
 */
export function readChunk(data: string, eventName: string | null): ReadEvent {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    json = null;
  }
  const error = errorOf(isObject(json) ? json : { error: eventName === "error" ? data : null }, eventName);
  if (error !== null) return { error };
  if (!isObject(json)) return null;
  if (json.choices == null && json.usage == null) return null;
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

/** Whether a chunk says anything that belongs to the client: content of any kind, or an end. */
export function isContent(chunk: Chunk): boolean {
  return chunk.choices.some(
    ({ delta, finish_reason }) => (delta != null && hasContent(delta)) || Boolean(finish_reason),
  );
}
