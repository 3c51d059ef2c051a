import { callerKeys } from "../backends/caller-keys.ts";
import { healthKey, isBroken, shareHealth } from "../backends/health.ts";
import { resolveCloudModel } from "../backends/providers/registry.ts";
import type { Call } from "../dialects/call.ts";
import { listBeginning } from "../dialects/json-splice.ts";
import type { Env } from "../env.ts";
import { type ErrorOptions, RouteletError } from "../errors.ts";
import { fleetSnapshot } from "../fleet/fleet-cache.ts";
import { callsInFlight } from "../fleet/in-flight.ts";
import { withoutSilentNodes } from "../fleet/silent-nodes.ts";
import type { FleetNode, FleetSnapshot } from "../fleet/snapshot.ts";
import { servedFingerprint } from "../routing/guarantee/served-fingerprint.ts";
import { modelsFor } from "../routing/model-routes.ts";
import { type Plan, type PlanInput, planAttempts } from "../routing/plan.ts";
import { conversationKey } from "../routing/sticky.ts";
import type { Target } from "../routing/target.ts";
import { type Serving, withSmallModel } from "../routing/task-serving.ts";
import type { Caller } from "../security/caller.ts";
import type { Settings } from "../settings.ts";
import type { ServedModel } from "../tunnel/protocol/messages.ts";
import { servedByOf } from "./attempt-log.ts";
import { inCallersWords } from "./callers-words.ts";
import { honourable } from "./translatable.ts";

export interface PlanOptions {
  env: Env;
  call: Call;
  target: Target;
  caller: Caller;
  settings: Settings;
  /** `x-routelet-session`. */
  session: string | null;
  clientHeaders: Headers;
  now: number;
  waitUntil: (work: Promise<unknown>) => void;
}

/** What planning goes by, but for the fleet. */
function planInput(options: PlanOptions, conversation: string | null): Omit<PlanInput, "fleet"> {
  const { env, settings, target, now } = options;
  const { providers } = settings;
  const keyed = callerKeys({ headers: options.clientHeaders, allowed: settings.passProviderKey });
  return {
    target,
    projectId: options.caller.projectId,
    dialect: options.call.dialect,
    needs: options.call.needs,
    inFlight: callsInFlight(),
    defaultModel: settings.defaultModel,
    modelsFor: (name) =>
      modelsFor({
        name,
        routes: settings.models,
        // Vectors of another model are no answer.
        fallbacks: options.call.dialect === "openai-embeddings" ? [] : settings.fallbacks,
        conversation,
        random: Math.random,
      }),
    conversation,
    resolveCloud: (name) => resolveCloudModel(env, name, now, { providers, keyed }),
    deadlines: settings.deadlines,
    verify: settings.verification.auto,
    random: Math.random,
  };
}

/**
 * Plans on the isolate's snapshot of the fleet, or on a fresh one. A node that has just let a call wait in vain is
 * asked only where there is nobody else.
 */
export async function planOn(
  options: PlanOptions,
  fresh: boolean,
  withNodes = options.target.kind !== "llm",
): Promise<Plan | RouteletError> {
  const { env, settings, target, now, waitUntil } = options;
  shareHealth({ env, now, waitUntil });
  const fleet = withNodes ? await fleetSnapshot({ env, now, waitUntil, fresh }) : { takenAt: now, nodes: [] };
  const conversation = conversationKey({
    session: options.session,
    // Only where there is a choice to make: finding it reads the whole request.
    beginning: target.kind !== "llm" || hasChoice(settings) ? beginningOf(options.call) : null,
  });
  const input = planInput(options, conversation);
  const planWith = (nodes: FleetSnapshot) => planAttempts({ ...input, fleet: nodes });
  const talking = withoutSilentNodes(fleet, now);
  const first = planWith(talking);
  const plan = first instanceof RouteletError && talking !== fleet ? planWith(fleet) : first;
  if (plan instanceof RouteletError) return asCallersSay(plan, options.call);
  const able = honourable(plan, options.call, settings);
  return able instanceof RouteletError ? able : brokenLast(able, options);
}

/** The same plan with the nodes in front that serve what was certified for the call's task; as it is where none does now. */
export async function planForTask(options: PlanOptions, plan: Plan, serving: Serving): Promise<Plan> {
  const { env, settings, now, waitUntil } = options;
  const fleet = await fleetSnapshot({ env, now, waitUntil });
  const nodes = await Promise.all(fleet.nodes.map((node) => withCertified(node, serving)));
  const target: Target = { kind: "slm", slmId: serving.model, localOnly: false };
  const conversation = conversationKey({ session: options.session, beginning: beginningOf(options.call) });
  const found = planAttempts({
    ...planInput({ ...options, target }, conversation),
    fleet: withoutSilentNodes({ ...fleet, nodes }, now),
  });
  if (found instanceof RouteletError) return plan;
  const { autoNodeFirstByteMs: firstByteMs } = settings.deadlines;
  return withSmallModel(plan, { nodes: found.attempts, serving, firstByteMs });
}

/** The node with no model but what was certified, as it was certified. */
async function withCertified(node: FleetNode, serving: Serving): Promise<FleetNode> {
  const { state } = node;
  if (state === null) return node;
  const { version } = state;
  const models: ServedModel[] = [];
  for (const model of state.models) {
    if (model.id !== serving.model) continue;
    if ((await servedFingerprint({ version, model })) === serving.fingerprint) models.push(model);
  }
  return { ...node, state: { ...state, models } };
}

/** Whether calls for one cloud name may go to several models, or out with several keys. */
function hasChoice({ models, providers }: Settings): boolean {
  return models.length > 0 || providers.some(({ keys }) => keys.length > 1);
}

/** How a conversation begins, from its second turn on: the system prompt and the first user message. */
function beginningOf({ dialect, text }: Call): string | null {
  const list = dialect === "openai-responses" ? "input" : "messages";
  return listBeginning(text, list, (element) => /"role"\s*:\s*"user"/.test(element));
}

/**
 * The same plan with backends that keep failing at its end: they are asked where all others fail. The reason names the
 * first that had to give way.
 */
function brokenLast(plan: Plan, { settings, caller, now }: PlanOptions): Plan {
  const { attempts } = plan;
  if (attempts.length === 1) return plan;
  const broken = attempts.filter((attempt) =>
    isBroken({ backend: healthKey(attempt, caller.projectId), at: now, policy: settings.breaker }),
  );
  const well = attempts.filter((attempt) => !broken.includes(attempt));
  const lastWell = attempts.findLastIndex((attempt) => !broken.includes(attempt));
  const moved = broken.find((attempt) => attempts.indexOf(attempt) < lastWell);
  if (moved === undefined) return plan;
  return { attempts: [...well, ...broken], reason: `${plan.reason}>breaker:${servedByOf(moved)}` };
}

/** The same refusal with its field as the caller's dialect has it. */
function asCallersSay(error: RouteletError, { dialect }: Call): RouteletError {
  const { param, message } = error;
  if (param === undefined) return error;
  const said = inCallersWords({ param, message }, dialect);
  return said.message === message ? error : new RouteletError({ ...optionsOf(error), ...said });
}

function optionsOf({ kind, code, status, retryable, message }: RouteletError): ErrorOptions {
  return { kind, code, status, retryable, message };
}

/**
 * Plans on the cached snapshot, and on a fresh one before a call is turned away. A cloud name without a key is looked
 * for among the nodes' models, for the words of its refusal.
 */
export async function planCall(options: PlanOptions): Promise<Plan> {
  const first = await planOn(options, false);
  const isCloud = options.target.kind === "llm";
  const again = first instanceof RouteletError && (!isCloud || first.code === "provider_not_configured");
  const final = again ? await planOn(options, !isCloud, true) : first;
  if (final instanceof RouteletError) throw final;
  return final;
}
