import { assertNoLoop } from "../backends/loop-mark.ts";
import type { Env } from "../env.ts";
import type { Caller } from "../security/caller.ts";
import { authenticate } from "../security/key-snapshot.ts";
import { settingsFor } from "../security/settings-snapshot.ts";
import type { Settings } from "../settings.ts";

/** A request at an agents' endpoint, from its key on. */
export interface Visit {
  readonly caller: Caller;
  /** The project's. */
  settings(): Promise<Settings>;
  waitUntil(work: Promise<unknown>): void;
  now(): number;
}

/**
 * Finds out who asks.
 *
 * @throws RouteletError when the key is missing, wrong or revoked; `loop_detected`.
 */
export async function openVisit(options: {
  request: Request;
  env: Env;
  ctx: Pick<ExecutionContext, "waitUntil">;
  /** Who asks, where that was found out before. */
  known?: Caller | undefined;
}): Promise<Visit> {
  const { request, env, ctx } = options;
  const now = Date.now;
  const waitUntil = (work: Promise<unknown>) => ctx.waitUntil(work);
  const caller = options.known ?? (await authenticate({ request, env, waitUntil, clock: now }));
  await assertNoLoop({ client: request.headers, secret: env.ROUTELET_SECRET });
  return {
    caller,
    settings: () => settingsFor({ env, projectId: caller.projectId, waitUntil, clock: now }),
    waitUntil,
    now,
  };
}
