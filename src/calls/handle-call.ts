import { outboundFetch } from "../backends/outbound.ts";
import { estimateInputTokens } from "../dialects/anthropic-messages/count-tokens.ts";
import type { Call } from "../dialects/call.ts";
import type { ClientDialect, RenderContext } from "../dialects/dialect.ts";
import type { Env } from "../env.ts";
import { RouteletError, toRouteletError } from "../errors.ts";
import { readBody } from "../read-body.ts";
import { parseRoute, resolveTarget, type Target } from "../routing/target.ts";
import { policyFor } from "../settings/policy.ts";
import type { Settings } from "../settings.ts";
import { answer, answerLater, replay } from "./answer-call.ts";
import { answerFailure } from "./answer-failure.ts";
import { toBackground } from "./background/to-background.ts";
import { openReplyCache } from "./cache/reply-cache.ts";
import { type CallSession, openCallSession, type TakenOver } from "./call-session.ts";
import { logInternal } from "./log-internal.ts";
import { type PlanOptions, planCall, planOn } from "./plan-call.ts";
import { runAttempts } from "./run-attempts.ts";
import { settledWithin } from "./settled-within.ts";
import { type Keeping, keepingOf } from "./stored-responses/keeping.ts";
import { observeCall, planWithTask, rememberChoice, taskOf } from "./task-of-call.ts";
import type { ReadyReply } from "./try-backend.ts";

function contextOf(session: CallSession, call: Call): RenderContext {
  let estimate: number | undefined;
  return {
    call,
    callId: session.record.id,
    renameModel: session.caller.returnRequestedModel ? call.requestedModel : null,
    // Counting reads the whole request: only for who asks.
    get estimatedInputTokens() {
      const request = call.request?.();
      estimate ??= request === undefined ? 1 : estimateInputTokens(request);
      return estimate;
    },
    now: session.startedAt,
    clock: session.now,
  };
}

function keepingFor(env: Env, session: CallSession, call: Call, target: Target): Promise<Keeping> {
  return keepingOf({
    env,
    projectId: session.caller.projectId,
    call,
    callId: session.record.id,
    settings: session.settings,
    mayLeave: target.kind !== "slm",
    localOnly: target.kind === "slm" && target.localOnly,
    now: session.now,
  });
}

function planningOf(options: {
  request: Request;
  env: Env;
  session: CallSession;
  call: Call;
  target: Target;
}): PlanOptions {
  const { request, env, session, call, target } = options;
  return {
    env,
    call,
    target,
    caller: session.caller,
    settings: session.settings,
    session: session.session,
    clientHeaders: request.headers,
    now: session.startedAt,
    waitUntil: session.waitUntil,
  };
}

/** Plans the call and sends it; resolves with the first attempt that has something to release. */
async function dispatch(options: {
  client: ClientDialect;
  request: Request;
  env: Env;
  session: CallSession;
  call: Call;
  context: RenderContext;
  target: Target;
}): Promise<{ running: Promise<ReadyReply> }> {
  const { client, request, env, session, call, target } = options;
  const { caller, settings, trace, now } = session;
  if (target.kind === "slm") trace.keepContentLocal();
  if (target.kind === "slm" && target.localOnly) session.record.keepNoContent();
  const routeStart = now();
  const planning = planningOf(options);
  const task = taskOf({ session, call, target });
  const plan = await planWithTask({ planning, plan: await planCall(planning), session, task });
  session.onEnd = () => {
    rememberChoice({ session, task, target });
    observeCall({ env, session, task });
  };
  session.plan = plan;
  trace.route({
    startedAt: routeStart,
    reason: plan.reason,
    task: session.task,
    plan: plan.attempts.map((attempt) =>
      attempt.kind === "node" ? `slm/${attempt.model}` : `llm/${attempt.provider}/${attempt.model}`,
    ),
  });
  const running = runAttempts(
    {
      env,
      projectId: caller.projectId,
      keyId: caller.keyId,
      client,
      call,
      context: options.context,
      plan,
      replan: async () => {
        const fresh = await planOn({ ...planning, now: now() }, true);
        return fresh instanceof RouteletError ? null : fresh;
      },
      settings,
      mayLeave: target.kind !== "slm",
      clientHeaders: request.headers,
      left: request.signal,
      totalEndsAt: session.startedAt + settings.deadlines.totalMs,
      trace,
      now,
      random: Math.random,
      fetch: outboundFetch(env),
    },
    session.logs,
  );
  // The dispatch is on its way before the ledger begins to work; neither waits for the other.
  session.begin();
  return { running };
}

/** One call at an agents' endpoint, from its first byte in to its finish record. */
export async function handleCall(options: {
  client: ClientDialect;
  request: Request;
  env: Env;
  ctx: Pick<ExecutionContext, "waitUntil">;
  /** The call goes on in the background; absent where its client waits. */
  takenOver?: TakenOver;
}): Promise<Response> {
  const { client, request, env, ctx, takenOver } = options;
  let session: CallSession;
  try {
    session = await openCallSession({ request, endpoint: client.endpoint, env, ctx, takenOver });
  } catch (thrown) {
    const error = toRouteletError(thrown);
    logInternal(error, null);
    return client.renderError(error);
  }
  try {
    const bytes = await readBody(request);
    session.bytes = bytes;
    const parsed = client.parse(bytes);
    session.call = parsed;
    session.settings = settingsOf(session, parsed, takenOver);
    const route = parseRoute(request.headers.get("x-routelet-route"));
    const target = resolveTarget({ model: parsed.requestedModel, route });
    const keeping = parsed.store === undefined ? null : await keepingFor(env, session, parsed, target);
    session.keeping = keeping;
    const call = keeping?.call ?? parsed;
    session.call = call;
    const cache = await openReplyCache({ env, request, session, call, target });
    if (cache?.hit) return await replay(session, cache.hit);
    const context = contextOf(session, call);
    if (call.background === true && takenOver === undefined)
      return await toBackground({
        request,
        env,
        session,
        context,
        planning: planningOf({ request, env, session, call, target }),
      });
    const { running } = await dispatch({ client, request, env, session, call, context, target });
    const { heartbeat } = session.settings;
    if (call.stream && heartbeat.comments && !(await settledWithin(running, heartbeat.afterMs)))
      return await answerLater({ client, request, session, context, cache, running });
    const ready = await running;
    await session.record.durable();
    return await answer({ client, session, context, cache, ready });
  } catch (thrown) {
    return await answerFailure({ renderError: client.renderError, request, session, thrown });
  }
}

/** The settings for a call: the project's, its model's and its key's. */
function settingsOf(session: CallSession, call: Call, takenOver: TakenOver | undefined): Settings {
  const { keyId } = session.caller;
  const settings = policyFor(session.settings, { model: call.requestedModel, keyId });
  if (takenOver === undefined) return settings;
  const totalMs = Math.min(settings.deadlines.totalMs, takenOver.mostMs);
  return { ...settings, deadlines: { ...settings.deadlines, totalMs } };
}
