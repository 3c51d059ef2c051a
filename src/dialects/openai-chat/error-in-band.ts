import { RouteletError } from "../../errors.ts";
import { isObject } from "../json.ts";
import { isFailure } from "./finish-reasons.ts";

/** An error's own words, from OpenAI's error object or whatever stands in its place. */
export function errorText(error: unknown): string {
  if (typeof error === "string") return error;
  if (isObject(error) && typeof error.message === "string") return error.message;
  return JSON.stringify(error);
}

const BUSY = /rate.?limit|overload|too many requests|capacity|resource_exhausted|^(429|529)$/i;

function isBusy(error: unknown): boolean {
  if (!isObject(error)) return false;
  const said = [error.code, error.type, error.status];
  return said.some(
    (word) => (typeof word === "string" || typeof word === "number") && BUSY.test(String(word)),
  );
}

/** An error inside a reply whose status said that all is well; null for the empty `error` that some servers always send. */
function errorInBand(error: unknown): RouteletError | null {
  const there = typeof error === "string" ? error !== "" : isObject(error) && Object.keys(error).length > 0;
  if (!there) return null;
  const busy = isBusy(error);
  return new RouteletError({
    kind: busy ? "rate_limited" : "upstream",
    code: busy ? "backend_busy" : "upstream_error",
    message: `The backend reported an error in its reply: ${errorText(error)}`,
    retryable: true,
  });
}

/** What a choice says of its own failure: OpenRouter's `error`, and finish reasons that mean that the backend gave up. */
function choiceError(choice: unknown): RouteletError | null {
  if (!isObject(choice)) return null;
  const error = errorInBand(choice.error);
  if (error !== null || !isFailure(choice.finish_reason)) return error;
  return errorInBand(`it ended with \`${String(choice.finish_reason)}\``);
}

/**
 * The error in a chunk, an event or a whole reply; null when there is none. Beside OpenAI's `error` there is vLLM's
 * `object: "error"`, and events that are named `error`.
 */
export function errorOf(
  json: Record<string, unknown>,
  eventName: string | null = null,
): RouteletError | null {
  const error = errorInBand(json.error);
  if (error !== null) return error;
  if (json.object === "error" || eventName === "error") return errorInBand(json);
  if (!Array.isArray(json.choices)) return null;
  for (const choice of json.choices) {
    const failed = choiceError(choice);
    if (failed !== null) return failed;
  }
  return null;
}

/** A stream that ended properly but said nothing, not even why it ended: no client can make a message of it. */
export function nothingSaid(): RouteletError {
  return new RouteletError({
    kind: "upstream",
    code: "upstream_incomplete",
    message: "The backend ended its stream before it had sent any content.",
    retryable: true,
  });
}
