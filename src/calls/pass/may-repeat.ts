import { ACCOUNT_FAMILIES } from "../../backends/providers/routes.ts";
import type { PassedPath } from "./passed-path.ts";

/** Methods that mean the same sent twice (RFC 9110, section 9.2.2). */
const IDEMPOTENT = new Set(["GET", "DELETE"]);

/**
 * Whether a request that passes as it came may be sent to its provider again after a failure: its body must still be
 * there, and sending it twice must do no harm. It does none where its method is idempotent, and where the endpoint keeps
 * nothing (sound, images, moderation, reranking: at worst the answer is paid for twice). What makes something in the
 * account, a batch or a fine-tuning job, is sent again only after a 429, which says that nothing was done.
 */
export function mayRepeat(options: {
  method: string;
  family: PassedPath["family"];
  replayable: boolean;
  /** The provider's status; null where it gave none. */
  status: number | null;
}): boolean {
  const { method, family, replayable, status } = options;
  return replayable && (IDEMPOTENT.has(method) || !ACCOUNT_FAMILIES.has(family) || status === 429);
}
