import type { Call } from "../dialects/call.ts";
import { setTopLevelField } from "../dialects/json-splice.ts";
import { renderOpenAiError } from "../dialects/openai-chat/error.ts";
import { parseChatCall } from "../dialects/openai-chat/parse.ts";
import type { Env } from "../env.ts";
import { RouteletError, toRouteletError } from "../errors.ts";
import type { Outcome } from "../ledger/records.ts";
import type { Plan } from "../routing/plan.ts";
import { parseRoute, type Route, resolveTarget, type Target } from "../routing/target.ts";
import type { Caller } from "../security/caller.ts";
import { authenticate } from "../security/key-snapshot.ts";
import { settingsFor } from "../security/settings-snapshot.ts";
import { startCallTrace } from "../telemetry/call-trace.ts";
import { isolateTelemetry } from "../telemetry/config.ts";
import { enqueue } from "../telemetry/exporter.ts";
import { clientGone } from "./attempt-clock.ts";
import { AttemptFailed } from "./attempt-failed.ts";
import { type AttemptLog, outcomeOf } from "./attempt-log.ts";
import { openCallRecord } from "./call-record.ts";
import { type PlanOptions, planCall, planOn } from "./plan-call.ts";
import { readBody } from "./read-body.ts";
import { releaseStream, responseHeaders } from "./release.ts";
import { type ReadyReply, runAttempts } from "./run-attempts.ts";

const ENDPOINT = "/v1/chat/completions";

/** Optional request headers are labels, not content: cut rather than refused. */
function label(request: Request, name: string): string | null {
  const value = request.headers.get(name)?.trim();
  return value ? value.slice(0, 256) : null;
}

/** How a call ended, whoever ended it. */
interface CallEnd {
  outcome: Outcome;
  status: number;
  servedBy: string | null;
  error: RouteletError | null;
}

/** Reads what the call asks for; a failure is a value, since the call is recorded all the same. */
async function understand(
  request: Request,
): Promise<{ call: Call; route: Route | null; target: Target; bytes: Uint8Array }> {
  const bytes = await readBody(request);
  const call = parseChatCall(bytes);
  const route = parseRoute(request.headers.get("x-routelet-route"));
  return { call, route, target: resolveTarget({ model: call.requestedModel, route }), bytes };
}

/** Where a call went although it was planned otherwise: the reason names what the earlier attempt failed of. */
function reasonOf(plan: Plan, logs: readonly AttemptLog[]): string {
  const before = logs.at(-2)?.record().errorCode;
  return before ? `${plan.reason}>fallback:${before}` : plan.reason;
}

/** `POST /v1/chat/completions`: one call from its first byte in to its finish record. */
export async function handleChat(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const now = Date.now;
  const startedAt = now();
  const waitUntil = (work: Promise<unknown>) => ctx.waitUntil(work);
  const telemetry = isolateTelemetry(env);
  const trace = startCallTrace({
    config: telemetry,
    headers: request.headers,
    method: "POST",
    path: ENDPOINT,
    clock: now,
    startedAt,
  });
  let caller: Caller;
  let settings: Awaited<ReturnType<typeof settingsFor>>;
  try {
    caller = await authenticate({ request, env, waitUntil, clock: now });
    settings = await settingsFor({ env, projectId: caller.projectId, waitUntil, clock: now });
  } catch (thrown) {
    const error = toRouteletError(thrown);
    logInternal(error, null);
    return renderOpenAiError(error);
  }
  const record = openCallRecord({ env, caller, settings, traceId: trace.traceId, startedAt, waitUntil });
  const session = label(request, "x-routelet-session");
  const task = label(request, "x-routelet-task");
  const logs: AttemptLog[] = [];
  let call: Call | null = null;
  let bytes: Uint8Array | null = null;
  let plan: Plan | null = null;

  const startRecord = (requestedModel: string, stream: boolean) => {
    record.start({
      endpoint: ENDPOINT,
      requestedModel,
      route: label(request, "x-routelet-route"),
      task,
      session,
      stream,
    });
  };

  // Registered before anything can end: what runs after a client has left is cut off unless it was waited for.
  const closed = Promise.withResolvers<void>();
  waitUntil(closed.promise);
  const close = (end: CallEnd): void => {
    settle(end).then(closed.resolve, closed.reject);
  };

  async function settle(end: CallEnd): Promise<void> {
    const endedAt = now();
    await afterResponse();
    await Promise.all(logs.map((log) => log.settled()));
    const reason = plan === null ? (end.error?.code ?? "unknown") : reasonOf(plan, logs);
    const spans = trace.end({
      endedAt,
      callId: record.id,
      projectId: caller.projectId,
      outcome: end.outcome,
      status: end.status,
      requestedModel: call?.requestedModel ?? null,
      servedBy: end.servedBy,
      reason,
      task,
      errorCode: end.error?.code ?? null,
    });
    enqueue({ config: telemetry, spans, waitUntil, fetch: (...args) => fetch(...args) });
    await record.finish({ ...end, endedAt, reason, attempts: logs, request: bytes });
  }

  const ownHeaders = (servedBy: string | null, reason: string): Record<string, string | null> => ({
    "x-routelet-call": record.id,
    "x-routelet-served-by": servedBy,
    "x-routelet-reason": reason,
    "x-routelet-task": task,
  });

  try {
    const understood = await understand(request);
    call = understood.call;
    bytes = understood.bytes;
    if (understood.target.kind === "slm") trace.keepContentLocal();
    if (understood.target.kind === "slm" && understood.target.localOnly) record.keepNoContent();
    const routeStart = now();
    const planning: PlanOptions = {
      env,
      call,
      target: understood.target,
      caller,
      settings,
      now: startedAt,
      waitUntil,
    };
    plan = await planCall(planning);
    trace.route({
      startedAt: routeStart,
      reason: plan.reason,
      task,
      plan: plan.attempts.map((attempt) =>
        attempt.kind === "node" ? `slm/${attempt.model}` : `llm/${attempt.provider}/${attempt.model}`,
      ),
    });
    const running = runAttempts(
      {
        env,
        projectId: caller.projectId,
        call,
        plan,
        replan: async () => {
          const fresh = await planOn({ ...planning, now: now() }, true);
          return fresh instanceof RouteletError ? null : fresh;
        },
        settings,
        mayLeave: understood.target.kind !== "slm",
        renameModel: caller.returnRequestedModel ? call.requestedModel : null,
        clientHeaders: request.headers,
        client: request.signal,
        totalEndsAt: startedAt + settings.deadlines.totalMs,
        trace,
        now,
        fetch: (...args) => fetch(...args),
      },
      logs,
    );
    // The dispatch is on its way before the ledger begins to work; neither waits for the other.
    startRecord(call.requestedModel, call.stream);
    const ready = await running;
    await record.durable();
    return release(ready, call, reasonOf(plan, logs));
  } catch (thrown) {
    const { error, refusal } = request.signal.aborted
      ? new AttemptFailed(clientGone())
      : thrown instanceof AttemptFailed
        ? thrown
        : new AttemptFailed(toRouteletError(thrown));
    logInternal(error, record.id);
    startRecord(call?.requestedModel ?? "", call?.stream ?? false);
    await record.durable();
    const status = refusal?.status ?? error.status;
    close({ outcome: outcomeOf(error), status, servedBy: null, error });
    const own = ownHeaders(null, plan === null ? error.code : reasonOf(plan, logs));
    if (refusal !== null)
      return new Response(refusal.body, { status, headers: responseHeaders(refusal.headers, own) });
    const response = renderOpenAiError(error);
    for (const [name, value] of Object.entries(own)) if (value !== null) response.headers.set(name, value);
    return response;
  }

  function release(ready: ReadyReply, served: Call, reason: string): Response {
    const { log, status } = ready;
    const headers = responseHeaders(ready.headers, ownHeaders(log.servedBy, reason));
    if ("whole" in ready.content) {
      const { whole, facts } = ready.content;
      ready.clock.stop();
      const body =
        caller.returnRequestedModel && facts.model !== null ? renamed(whole, served.requestedModel) : whole;
      record.copyResponse(body);
      log.content(() => body);
      log.end({ outcome: "done", error: null, facts });
      close({ outcome: "done", status, servedBy: log.servedBy, error: null });
      return new Response(body, { status, headers });
    }
    const body = releaseStream({
      ...ready.content,
      clock: ready.clock,
      onBytes: (bytes) => record.copyResponse(bytes),
      onEnd: ({ outcome, error, facts }) => {
        log.content(() => record.responseCopy());
        log.end({ outcome, error, facts });
        close({ outcome, status, servedBy: log.servedBy, error });
      },
    });
    headers.set("cache-control", headers.get("cache-control") ?? "no-cache");
    return new Response(body, { status, headers });
  }
}

/** The records of a call are made after its answer was handed over: they would only delay it. */
function afterResponse(): Promise<void> {
  return scheduler.wait(0);
}

function renamed(whole: Uint8Array, model: string): Uint8Array {
  return new TextEncoder().encode(setTopLevelField(new TextDecoder().decode(whole), "model", model));
}

/** The operator's line for what no caller can have caused. Causes are errors of ours or of the platform, never content. */
function logInternal(error: RouteletError, call: string | null): void {
  if (error.kind !== "internal") return;
  console.error(
    JSON.stringify({
      event: "internal_error",
      call,
      code: error.code,
      cause: String(error.cause ?? error.message),
    }),
  );
}
