import type { Call } from "../dialects/call.ts";
import type { ModelRequest } from "../dialects/model-request.ts";

/** A call in the internal form; null for one that has none, be it for its dialect or for what it says. */
export function internalForm(call: Call): ModelRequest | null {
  try {
    return call.request?.() ?? null;
  } catch {
    return null;
  }
}
