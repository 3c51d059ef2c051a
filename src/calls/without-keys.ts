import { withoutHeadersOf } from "../backends/known-keys.ts";
import { RouteletError } from "../errors.ts";
import { AttemptFailed } from "./attempt-failed.ts";

const MARK = "[redacted]";

const redacted = (text: string, keys: readonly string[]): string =>
  keys.reduce((rest, key) => rest.replaceAll(key, MARK), text);

function redactedBytes(bytes: Uint8Array, keys: readonly string[]): Uint8Array {
  const text = new TextDecoder().decode(bytes);
  const rest = redacted(text, keys);
  return rest === text ? bytes : new TextEncoder().encode(rest);
}

/** A failure without the providers' keys, which some backends repeat in what they say of a request. */
export function withoutKeys(failed: AttemptFailed, keys: readonly string[]): AttemptFailed {
  const { error, refusal, headers } = failed;
  return new AttemptFailed(
    new RouteletError({
      kind: error.kind,
      code: redacted(error.code, keys),
      status: error.status,
      message: redacted(error.message, keys),
      param: error.param === undefined ? undefined : redacted(error.param, keys),
      retryable: error.retryable,
      retryAfterSeconds: error.retryAfterSeconds,
      cause: error.cause,
    }),
    refusal === null
      ? null
      : {
          status: refusal.status,
          headers: withoutHeadersOf(refusal.headers, keys),
          body: redactedBytes(refusal.body, keys),
        },
    headers === null ? null : withoutHeadersOf(headers, keys),
  );
}
