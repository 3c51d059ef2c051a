import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import { equalTexts, PURPOSE, secretsOf } from "./derive.ts";
import { presentedKey } from "./key-snapshot.ts";

/**
 * Lets a request pass that carries `ROUTELET_ADMIN_KEY`. Without that variable nothing passes.
 * @throws RouteletError `missing_admin_key`, `invalid_admin_key`, or `admin_key_not_set` (503).
 */
export async function requireAdmin(options: { request: Request; env: Env }): Promise<void> {
  const { request, env } = options;
  if (!env.ROUTELET_ADMIN_KEY) {
    throw new RouteletError({
      kind: "unavailable",
      code: "admin_key_not_set",
      message: "The operator's API is off. Set ROUTELET_ADMIN_KEY to turn it on.",
    });
  }
  const presented = presentedKey(request);
  if (presented === null) {
    throw new RouteletError({
      kind: "authentication",
      code: "missing_admin_key",
      message: "No admin key was sent. Send it as `Authorization: Bearer <ROUTELET_ADMIN_KEY>`.",
    });
  }
  const secret = secretsOf(env).current;
  if (await equalTexts({ secret, info: PURPOSE.adminCompare, a: presented, b: env.ROUTELET_ADMIN_KEY }))
    return;
  throw new RouteletError({
    kind: "authentication",
    code: "invalid_admin_key",
    message: "This is not the admin key. API keys do not open the operator's API.",
  });
}
