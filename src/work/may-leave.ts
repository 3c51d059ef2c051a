import type { StoredCall } from "../ledger/read-call.ts";
import { parseRoute, resolveTarget } from "../routing/target.ts";

/**
 * Whether a recorded call's content may go to a cloud provider: not where its caller asked for a node alone, by header or
 * by model. What cannot be read any more stays.
 */
export function mayLeave({
  requestedModel,
  route,
}: Pick<StoredCall["call"], "requestedModel" | "route">): boolean {
  try {
    return resolveTarget({ model: requestedModel, route: parseRoute(route) }).kind !== "slm";
  } catch {
    return false;
  }
}
