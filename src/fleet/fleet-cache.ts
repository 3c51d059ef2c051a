import type { Env } from "../env.ts";
import type { FleetSnapshot } from "./snapshot.ts";

/** A snapshot this old is refreshed behind the response, in milliseconds. */
const FRESH_MS = 1_000;
/** A snapshot older than this is not used before it was refreshed: the isolate slept. */
const USABLE_MS = 15_000;

let cached: FleetSnapshot | undefined;
let refreshing = false;

async function load(env: Env): Promise<FleetSnapshot> {
  cached = await env.FLEET.getByName("fleet").snapshot();
  return cached;
}

/** Without an answer of the object an old snapshot still serves; without one, the fleet is empty and `auto` has the cloud. */
async function loadOrKeep(env: Env, now: number): Promise<FleetSnapshot> {
  const old = cached;
  try {
    return await load(env);
  } catch (cause) {
    console.error(JSON.stringify({ event: "fleet_unavailable", cause: String(cause) }));
    return old ?? { takenAt: now, nodes: [] };
  }
}

/**
 * The fleet as this isolate knows it. When warm it costs no hop: an ageing snapshot is given at once and
 * refreshed behind the response. `fresh` asks the `Fleet` object first; it is for the case where the cached
 * snapshot would turn a call away.
 */
export async function fleetSnapshot(options: {
  env: Env;
  now: number;
  waitUntil: (work: Promise<unknown>) => void;
  fresh?: boolean;
}): Promise<FleetSnapshot> {
  const { env, now } = options;
  const age = cached === undefined ? Number.POSITIVE_INFINITY : now - cached.takenAt;
  if (cached === undefined || age > USABLE_MS || (options.fresh === true && age > 0))
    return loadOrKeep(env, now);
  if (age > FRESH_MS && !refreshing) {
    refreshing = true;
    options.waitUntil(
      load(env)
        .catch((cause: unknown) =>
          console.error(JSON.stringify({ event: "fleet_refresh_failed", cause: String(cause) })),
        )
        .finally(() => {
          refreshing = false;
        }),
    );
  }
  return cached;
}

/** Forgets the snapshot: a node that it called present turned out not to be. */
export function forgetFleet(): void {
  cached = undefined;
}
