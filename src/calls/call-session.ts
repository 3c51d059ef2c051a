import { outboundFetch } from "../backends/outbound.ts";
import type { Call } from "../dialects/call.ts";
import type { Env } from "../env.ts";
import type { RouteletError } from "../errors.ts";
import type { Outcome } from "../ledger/records.ts";
import type { AskedBackend, Plan } from "../routing/plan.ts";
import type { Caller } from "../security/caller.ts";
import type { Settings } from "../settings.ts";
import { startCallTrace } from "../telemetry/call-trace.ts";
import { isolateTelemetry } from "../telemetry/config.ts";
import { enqueue } from "../telemetry/exporter.ts";
import type { CallTrace } from "../telemetry/trace-handles.ts";
import type { AttemptLog } from "./attempt-log.ts";
import { type CallRecord, openCallRecord } from "./call-record.ts";
import { openVisit } from "./open-visit.ts";
import type { Keeping } from "./stored-responses/keeping.ts";

/** How a call ended, whoever ended it. */
export interface CallEnd {
  outcome: Outcome;
  /** The status that the client saw. */
  status: number;
  servedBy: string | null;
  error: RouteletError | null;
  /** The reply came from the cache. */
  cached?: boolean;
}

/** A call from its key on: who makes it, what is recorded and traced of it, and its one end. */
export interface CallSession {
  readonly caller: Caller;
  /** The project's; once the request was read, with what is set for its model and its key. */
  settings: Settings;
  readonly record: CallRecord;
  readonly trace: CallTrace;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Every attempt in order. */
  readonly logs: AttemptLog[];
  /** `x-routelet-task`; where it is absent, once the call was planned, the task that it was recognised as. */
  task: string | null;
  readonly session: string | null;
  /** `x-routelet-route` as it came. */
  readonly route: string | null;
  waitUntil(work: Promise<unknown>): void;
  now(): number;
  /** Known after parsing. */
  call: Pick<Call, "requestedModel" | "stream" | "ignoresStore"> | null;
  /** The request's body, where it is to be kept. */
  bytes: Uint8Array | null;
  plan: Pick<Plan, "reason"> | null;
  /** What the reply cache did; null where it was not asked. */
  cache: "hit" | "miss" | "bypass" | null;
  /** For a dialect that keeps replies. */
  keeping: Keeping | null;
  /** Begins the record; once. */
  begin(): void;
  /** Why the call went where it went, as in `x-routelet-reason`. */
  reason(error: RouteletError | null): string;
  /** The headers that every answer to this call carries; `asked` is the backend that gives it. */
  headers(servedBy: string | null, reason: string, asked?: AskedBackend): Record<string, string | null>;
  /** Told how the call ended, behind the response. */
  onEnd: ((end: CallEnd) => void) | null;
  /** Ends record and trace, behind the response; once. */
  close(end: CallEnd): void;
  /** Another takes the call over, and records it. Instead of `close`. */
  handOver(): void;
}

/** A call that was taken over: who makes it, and what its client knows of it. */
export interface TakenOver {
  caller: Caller;
  callId: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  /** The longest that it may take from then on, whatever the settings allow. Milliseconds. */
  mostMs: number;
}

/** Optional request headers are labels, not content: cut rather than refused. */
function label(request: Request, name: string): string | null {
  const value = request.headers.get(name)?.trim();
  return value ? value.slice(0, 256) : null;
}

/** The records of a call are made after its answer was handed over: they would only delay it. */
function afterResponse(): Promise<void> {
  return scheduler.wait(0);
}

/**
 * Opens a call at an endpoint.
 *
 * @throws RouteletError when the key is missing, wrong or revoked; `loop_detected`.
 */
export async function openCallSession(options: {
  request: Request;
  /** `/v1/chat/completions`; with its method where that is not POST. */
  endpoint: string;
  env: Env;
  ctx: Pick<ExecutionContext, "waitUntil">;
  takenOver?: TakenOver | undefined;
}): Promise<CallSession> {
  const { request, endpoint, env, ctx, takenOver } = options;
  const now = Date.now;
  const startedAt = takenOver?.startedAt ?? now();
  const telemetry = isolateTelemetry(env);
  const [path = endpoint, method = "POST"] = endpoint.split(" ").reverse();
  const trace = startCallTrace({
    config: telemetry,
    headers: request.headers,
    method,
    path,
    clock: now,
    startedAt,
  });
  const visit = await openVisit({ request, env, ctx, known: takenOver?.caller });
  const { caller, waitUntil } = visit;
  const settings = await visit.settings();
  const record = openCallRecord({
    env,
    ...(takenOver === undefined ? {} : { id: takenOver.callId }),
    caller,
    settings,
    traceId: trace.traceId,
    startedAt,
    waitUntil,
  });
  // Registered before anything can end: what runs after a client has left is cut off unless it was waited for.
  const closed = Promise.withResolvers<void>();
  waitUntil(closed.promise);
  let closing = false;

  const session: CallSession = {
    caller,
    settings,
    record,
    trace,
    startedAt,
    logs: [],
    task: label(request, "x-routelet-task"),
    session: label(request, "x-routelet-session"),
    route: label(request, "x-routelet-route"),
    waitUntil,
    now,
    call: null,
    bytes: null,
    plan: null,
    keeping: null,
    cache: null,
    onEnd: null,
    begin() {
      record.start({
        endpoint,
        requestedModel: session.call?.requestedModel ?? "",
        route: session.route,
        task: session.task,
        session: session.session,
        stream: session.call?.stream ?? false,
      });
    },
    reason(error) {
      if (session.cache === "hit") return "cache-hit";
      if (session.plan === null) return error?.code ?? "unknown";
      const before = session.logs.at(-2)?.record().errorCode;
      return before ? `${session.plan.reason}>fallback:${before}` : session.plan.reason;
    },
    headers: (servedBy, reason, asked) => ({
      "x-routelet-call": record.id,
      "x-request-id": record.id,
      // The name that Anthropic's SDKs read.
      "request-id": endpoint === "/v1/messages" ? record.id : null,
      "x-routelet-served-by": servedBy,
      "x-routelet-reason": reason,
      "x-routelet-task": session.task,
      "x-routelet-cache": session.cache,
      "x-routelet-store":
        session.keeping?.stores === false || session.call?.ignoresStore === true ? "off" : null,
      "x-routelet-omitted": asked?.omits?.join(", ") ?? null,
    }),
    handOver() {
      closing = true;
      closed.resolve();
    },
    close(end) {
      if (closing) return;
      closing = true;
      settle(end).then(closed.resolve, closed.reject);
    },
  };

  async function settle(end: CallEnd): Promise<void> {
    const endedAt = now();
    await afterResponse();
    await Promise.all(session.logs.map((log) => log.settled()));
    const reason = session.reason(end.error);
    const spans = trace.end({
      endedAt,
      callId: record.id,
      projectId: caller.projectId,
      outcome: end.outcome,
      status: end.status,
      requestedModel: session.call?.requestedModel ?? null,
      servedBy: end.servedBy,
      reason,
      task: session.task,
      errorCode: end.error?.code ?? null,
    });
    enqueue({ config: telemetry, spans, waitUntil, fetch: outboundFetch(env) });
    session.onEnd?.(end);
    await record.finish({ ...end, endedAt, reason, attempts: session.logs, request: session.bytes });
  }

  return session;
}
