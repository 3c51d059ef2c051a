import { resolveCloudModel } from "../backends/providers/registry.ts";
import type { Call } from "../dialects/call.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import { fleetSnapshot } from "../fleet/fleet-cache.ts";
import { callsInFlight } from "../fleet/in-flight.ts";
import { withoutSilentNodes } from "../fleet/silent-nodes.ts";
import type { FleetSnapshot } from "../fleet/snapshot.ts";
import { type Plan, planAttempts } from "../routing/plan.ts";
import type { Target } from "../routing/target.ts";
import type { Caller } from "../security/caller.ts";
import type { Settings } from "../settings.ts";
import { honourable } from "./translatable.ts";

export interface PlanOptions {
  env: Env;
  call: Call;
  target: Target;
  caller: Caller;
  settings: Settings;
  now: number;
  waitUntil: (work: Promise<unknown>) => void;
}

/**
 * Plans on the isolate's snapshot of the fleet, or on a fresh one. A node that has just let a call wait in vain is
 * asked only where there is nobody else.
 */
export async function planOn(options: PlanOptions, fresh: boolean): Promise<Plan | RouteletError> {
  const { env, settings, target, now, waitUntil } = options;
  const fleet =
    target.kind === "llm" ? { takenAt: now, nodes: [] } : await fleetSnapshot({ env, now, waitUntil, fresh });
  const planWith = (nodes: FleetSnapshot) =>
    planAttempts({
      target,
      projectId: options.caller.projectId,
      dialect: options.call.dialect,
      needs: options.call.needs,
      fleet: nodes,
      inFlight: callsInFlight(),
      defaultModel: settings.defaultModel,
      resolveCloud: (name) => resolveCloudModel(env, name, now),
      deadlines: settings.deadlines,
      random: Math.random,
    });
  const talking = withoutSilentNodes(fleet, now);
  const first = planWith(talking);
  const plan = first instanceof RouteletError && talking !== fleet ? planWith(fleet) : first;
  return plan instanceof RouteletError ? plan : honourable(plan, options.call);
}

/** Plans on the cached snapshot, and on a fresh one before a call is turned away. */
export async function planCall(options: PlanOptions): Promise<Plan> {
  const first = await planOn(options, false);
  const final =
    first instanceof RouteletError && options.target.kind !== "llm" ? await planOn(options, true) : first;
  if (final instanceof RouteletError) throw final;
  return final;
}
