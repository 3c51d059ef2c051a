import type { RouteletError } from "../errors.ts";

/** The operator's line for what no caller can have caused. Causes are errors of ours or of the platform, never content. */
export function logInternal(error: RouteletError, call: string | null): void {
  if (error.kind !== "internal") return;
  console.error(
    JSON.stringify({
      event: "internal_error",
      call,
      code: error.code,
      cause: String(error.cause ?? error.message),
    }),
  );
}
