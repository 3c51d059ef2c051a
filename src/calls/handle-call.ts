import { outboundFetch } from "../backends/outbound.ts";
import { estimateInputTokens } from "../dialects/anthropic-messages/count-tokens.ts";
import type { Call } from "../dialects/call.ts";
import type { ClientDialect, RenderContext } from "../dialects/dialect.ts";

import type { Env } from "../env.ts";
import { RouteletError, toRouteletError } from "../errors.ts";
import type { CachedReply } from "../ledger/cache/cached-replies.ts";
import { readBody } from "../read-body.ts";
import { parseRoute, resolveTarget, type Target } from "../routing/target.ts";
import { policyFor } from "../settings/policy.ts";
import type { Settings } from "../settings.ts";
import { answerFailure, failureOf } from "./answer-failure.ts";
import { outcomeOf } from "./attempt-log.ts";
import { toBackground } from "./background/to-background.ts";
import { openReplyCache, type ReplyCache } from "./cache/reply-cache.ts";
import { type CallSession, openCallSession, type TakenOver } from "./call-session.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { logInternal } from "./log-internal.ts";
import { type PlanOptions, planCall, planOn } from "./plan-call.ts";
import { releaseStream, responseHeaders } from "./release.ts";
import { releaseLater } from "./release-later.ts";
import { runAttempts } from "./run-attempts.ts";
import { settledWithin } from "./settled-within.ts";
import { type Keeping, keepingOf } from "./stored-responses/keeping.ts";
import { observeCall, planWithTask, taskOf } from "./task-of-call.ts";
import type { ReadyReply } from "./try-backend.ts";

const EVENT_STREAM_TYPE = "text/event-stream; charset=utf-8";
const EVENT_STREAM = { "content-type": EVENT_STREAM_TYPE, "cache-control": "no-cache" };

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
  session.onEnd = (end) => observeCall({ env, session, task, target, end });
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

/** Gives a kept reply out again, a stream as a stream; the call is recorded like any other, and cost nothing. */
async function replay(session: CallSession, hit: CachedReply): Promise<Response> {
  const { contentType, servedBy, bytes } = hit;
  session.begin();
  await session.record.durable();
  session.record.copyResponse(bytes);
  session.close({ outcome: "done", status: 200, servedBy, error: null, cached: true });
  const headers = responseHeaders(
    new Headers({ "content-type": contentType }),
    session.headers(servedBy, session.reason(null)),
  );
  return new Response(bytes, { headers });
}

/** Hands a reply over: whole, or as the stream that it is. */
async function answer(options: {
  client: ClientDialect;
  session: CallSession;
  context: RenderContext;
  cache: ReplyCache | null;
  ready: ReadyReply;
}): Promise<Response> {
  const { session, cache, ready } = options;
  const { log, status, content } = ready;
  const own = session.headers(log.servedBy, session.reason(null), log.planned);
  const headers = responseHeaders(ready.headers, own);
  if ("whole" in content) {
    const { whole, facts } = content;
    ready.clock.stop();
    if (session.keeping?.keep) await keepWhole(session.keeping.keep, ready, whole);
    session.record.copyResponse(whole);
    cache?.copy(whole);
    if (log.planned.omits === undefined)
      cache?.keep({ contentType: headers.get("content-type") ?? "application/json", servedBy: log.servedBy });
    log.content(() => whole);
    log.end({ outcome: "done", error: null, facts });
    session.close({ outcome: "done", status, servedBy: log.servedBy, error: null });
    return new Response(whole, { status, headers });
  }
  headers.set("cache-control", headers.get("cache-control") ?? "no-cache");
  return new Response(streamOf(options), { status, headers });
}

/** A reply that cannot be kept is not given out as if it had been: the attempt fails with it. */
async function keepWhole(
  keep: NonNullable<Keeping["keep"]>,
  { log, status }: ReadyReply,
  whole: Uint8Array,
): Promise<void> {
  try {
    await keep(JSON.parse(new TextDecoder().decode(whole)));
  } catch (thrown) {
    log.fail(toRouteletError(thrown), status);
    throw thrown;
  }
}

function streamOf(options: {
  client: ClientDialect;
  session: CallSession;
  context: RenderContext;
  cache: ReplyCache | null;
  ready: ReadyReply;
}): ReadableStream<Uint8Array> {
  const { client, session, cache, ready } = options;
  const { log, status, content } = ready;
  if ("whole" in content) throw new TypeError("a call for a stream was given a whole reply");
  const { heartbeat } = session.settings;
  const keep = session.keeping?.keep ?? null;
  return releaseStream({
    ...content,
    clock: ready.clock,
    heartbeat: heartbeat.comments
      ? startHeartbeat({ bytes: client.heartbeat, afterMs: heartbeat.afterMs, now: session.now })
      : null,
    onBytes: (bytes) => {
      session.record.copyResponse(bytes);
      cache?.copy(bytes);
    },
    beforeEnd: keep === null ? null : () => keep(content.follow.reply?.() ?? null),
    onEnd: ({ outcome, error, facts }) => {
      log.content(() => session.record.responseCopy());
      log.end({ outcome, error, facts });
      if (outcome === "done" && log.planned.omits === undefined)
        cache?.keep({ contentType: EVENT_STREAM_TYPE, servedBy: log.servedBy });
      session.close({ outcome, status, servedBy: log.servedBy, error });
    },
  });
}

/** The answer to a streamed call that has kept its client waiting: headers now, the decision later. */
async function answerLater(options: {
  client: ClientDialect;
  request: Request;
  session: CallSession;
  context: RenderContext;
  cache: ReplyCache | null;
  running: Promise<ReadyReply>;
}): Promise<Response> {
  const { client, session, context, cache, running } = options;
  await session.record.durable();
  const body = running.then((ready) => streamOf({ client, session, context, cache, ready }));
  const stream = releaseLater({
    body,
    heartbeat: startHeartbeat({
      bytes: client.heartbeat,
      afterMs: session.settings.heartbeat.afterMs,
      now: session.now,
    }),
    renderFailure: (thrown) => {
      const { error } = failureOf(options.request, thrown);
      logInternal(error, session.record.id);
      session.close({ outcome: outcomeOf(error), status: 200, servedBy: null, error });
      const bytes = new TextEncoder().encode(client.openRenderer(context).fail(error));
      session.record.copyResponse(bytes);
      return bytes;
    },
  });
  // Where nobody reads any more, nobody else would end the record.
  body.catch((thrown) => {
    const { error } = failureOf(options.request, thrown);
    session.close({ outcome: outcomeOf(error), status: 200, servedBy: null, error });
  });
  const own = session.headers("pending", session.reason(null), session.logs.at(-1)?.planned);
  return new Response(stream, { headers: responseHeaders(new Headers(EVENT_STREAM), own) });
}
