import { callCloud } from "../backends/call-cloud.ts";
import { callNode } from "../backends/call-node.ts";
import { type BackendReply, lostReply } from "../backends/reply.ts";
import { joinBytes } from "../bytes.ts";
import type { Call } from "../dialects/call.ts";
import type { ClientDialect, RenderContext, ReplyStream } from "../dialects/dialect.ts";
import type { ReplyFacts } from "../dialects/reply.ts";
import type { Env } from "../env.ts";
import { RouteletError, toRouteletError } from "../errors.ts";
import { forgetFleet } from "../fleet/fleet-cache.ts";
import { beginOnNode } from "../fleet/in-flight.ts";
import { noteSilence } from "../fleet/silent-nodes.ts";
import type { Plan, PlannedAttempt } from "../routing/plan.ts";
import type { Settings } from "../settings.ts";
import type { CallTrace } from "../telemetry/trace-handles.ts";
import { type AttemptClock, orAborted, startAttemptClock } from "./attempt-clock.ts";
import { AttemptFailed, refused } from "./attempt-failed.ts";
import { type AttemptLog, openAttemptLog } from "./attempt-log.ts";
import { type Exchange, exchangeWith } from "./exchange.ts";
import { inOtherDialect } from "./other-dialect.ts";

/** A reply that is about to be released. Its attempt is still open: whoever releases it ends it. */
export interface ReadyReply {
  log: AttemptLog;
  clock: AttemptClock;
  status: number;
  headers: Headers;
  content:
    | { whole: Uint8Array; facts: ReplyFacts }
    | { held: Uint8Array[]; rest: ReadableStreamDefaultReader<Uint8Array>; follow: ReplyStream };
}

export interface AttemptsInput {
  env: Env;
  projectId: string;
  client: ClientDialect;
  call: Call;
  context: RenderContext;
  plan: Plan;
  /** Plans anew on a fresh snapshot of the fleet; null when that gives nothing. */
  replan: () => Promise<Plan | null>;
  settings: Settings;
  /** False for a call marked `local-only` or `slm`. */
  mayLeave: boolean;
  clientHeaders: Headers;
  /** The client's own signal. */
  left: AbortSignal;
  totalEndsAt: number;
  trace: CallTrace;
  now: () => number;
  fetch: typeof fetch;
}

/** A node that is tried gets at least this long, whatever the nodes before it have used up. */
const MIN_FIRST_BYTE_MS = 250;

/** Held back at most, until the first content: lifecycle frames are small, so more than this is content in disguise. */
const MAX_HELD_BYTES = 64 * 1024;

const ENCODER = new TextEncoder();

const isEventStream = (headers: Headers) =>
  headers.get("content-type")?.toLowerCase().startsWith("text/event-stream") === true;

function send(
  input: AttemptsInput,
  planned: PlannedAttempt,
  log: AttemptLog,
  exchange: Exchange,
  signal: AbortSignal,
): Promise<BackendReply> {
  const { env, clientHeaders } = input;
  const body = ENCODER.encode(exchange.body) as Uint8Array<ArrayBuffer>;
  if (planned.kind === "cloud") {
    return callCloud({
      ...planned,
      env,
      dialect: planned.speaks,
      body,
      clientHeaders,
      mayLeave: input.mayLeave,
      signal,
      fetch: input.fetch,
    });
  }
  return callNode({
    env,
    nodeId: planned.nodeId,
    projectId: input.projectId,
    body,
    clientHeaders,
    traceHeaders: log.tunnelHeaders,
    deadlineMs: input.totalEndsAt - input.now(),
    signal,
  });
}

const lost = (thrown: unknown): never => {
  throw lostReply(thrown);
};

/** Reads a stream up to its first content; until there, a failure is still one of the attempt, not of the call. */
async function holdUntilContent(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  follow: ReplyStream,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const held: Uint8Array[] = [];
  let size = 0;
  while (!follow.facts.committed && !follow.facts.terminated && size < MAX_HELD_BYTES) {
    const { done, value } = await orAborted(reader.read().catch(lost), signal);
    const released = done ? follow.flush() : follow.push(value);
    held.push(...released);
    size += value?.length ?? 0;
    if (follow.facts.inBandError !== null) throw follow.facts.inBandError;
    if (done && !follow.facts.committed && !follow.facts.terminated) {
      throw new RouteletError({
        kind: "upstream",
        code: "upstream_incomplete",
        message: "The backend closed its stream before it had sent any content.",
        retryable: true,
      });
    }
    if (done) break;
  }
  return held;
}

/** The backend's answer; with its body where it is not to be streamed. */
async function answer(
  input: AttemptsInput,
  planned: PlannedAttempt,
  log: AttemptLog,
  exchange: Exchange,
  signal: AbortSignal,
): Promise<{ reply: BackendReply; whole: Uint8Array | null }> {
  const reply = await send(input, planned, log, exchange, signal);
  // An attempt that was given up meanwhile has its record already.
  if (!signal.aborted) log.answered(reply);
  const streamed = reply.status < 400 && input.call.stream && isEventStream(reply.headers);
  return { reply, whole: streamed ? null : await reply.whole().catch(lost) };
}

const EVENT_STREAM = "text/event-stream; charset=utf-8";

/** A response's own headers cannot be changed. */
function withContentType(headers: Headers, contentType: string | null): Headers {
  if (contentType === null || headers.get("content-type") === contentType) return headers;
  const changed = new Headers(headers);
  changed.set("content-type", contentType);
  return changed;
}

const nothingMore = () =>
  new ReadableStream<Uint8Array>({ start: (controller) => controller.close() }).getReader();

async function tryOne(
  input: AttemptsInput,
  planned: PlannedAttempt,
  log: AttemptLog,
  clock: AttemptClock,
): Promise<ReadyReply> {
  const { signal } = clock;
  const { client, call, context } = input;
  const exchange = exchangeWith({ client, speaks: planned.speaks, model: planned.model, context });
  const { reply, whole } = await orAborted(answer(input, planned, log, exchange, signal), signal);
  const { status, headers } = reply;
  const ready = (content: ReadyReply["content"], contentType = headers.get("content-type")): ReadyReply => {
    clock.committed();
    log.firstByte();
    return { log, clock, status, headers: withContentType(headers, contentType), content };
  };
  if (whole !== null) {
    if (status >= 400) {
      const text = exchange.refusalText(whole);
      throw refused({
        planned,
        status,
        headers,
        body: whole,
        text,
        passes: exchange.passes,
        now: input.now(),
      });
    }
    if (!call.stream) {
      const { body, facts } = exchange.readWhole(whole);
      return ready({ whole: body, facts });
    }
    const follow = exchange.streamWhole(whole);
    return ready({ held: follow.flush(), rest: nothingMore(), follow }, EVENT_STREAM);
  }
  const rest = reply.stream().getReader();
  const follow = exchange.openStream();
  try {
    const held = await holdUntilContent(rest, follow, signal);
    return ready({ held: held.length > 1 ? [joinBytes(held)] : held, rest, follow });
  } catch (thrown) {
    rest.cancel(thrown).catch(() => undefined);
    throw thrown;
  }
}

/** A node that failed in one of these ways is not where the snapshot says. */
const STALE = new Set(["node_absent", "node_lost", "node_draining"]);

/** What is left of the old plan is still worth trying. */
function replanFailed(cause: unknown): null {
  console.error(JSON.stringify({ event: "replan_failed", cause: String(cause) }));
  return null;
}

const backendOf = (planned: PlannedAttempt) => (planned.kind === "node" ? planned.nodeId : planned.provider);

/**
 * Runs the planned attempts in order until one has something to release. A failure before that is followed by
 * the next attempt; when none is left, the last failure is thrown as `AttemptFailed`. When a node is not where the
 * snapshot says, the rest is planned anew, once: another may have come in its place.
 * `logs` receives every attempt in order, the one that is returned included.
 */
export async function runAttempts(input: AttemptsInput, logs: AttemptLog[]): Promise<ReadyReply> {
  let last: AttemptFailed | undefined;
  let left = [...input.plan.attempts];
  let replanned = false;
  const nodesSince = input.now();
  for (let planned = left.shift(); planned !== undefined; planned = left.shift()) {
    // Nodes share one deadline: three frozen ones must not add up before the fallback.
    const spent = planned.kind === "node" ? input.now() - nodesSince : 0;
    if (last !== undefined && spent >= planned.firstByteMs && left.length > 0) continue;
    const log = openAttemptLog({
      seq: logs.length + 1,
      planned,
      call: input.call,
      client: input.client,
      trace: input.trace,
      now: input.now,
    });
    logs.push(log);
    const done = planned.kind === "node" ? beginOnNode(planned.nodeId) : () => undefined;
    log.onEnd(done);
    const clock = startAttemptClock({
      client: input.left,
      firstByteMs: Math.max(MIN_FIRST_BYTE_MS, planned.firstByteMs - spent),
      idleMs: input.settings.deadlines.idleMs,
      totalEndsAt: input.totalEndsAt,
      now: input.now,
    });
    try {
      return await tryOne(input, planned, log, clock);
    } catch (thrown) {
      clock.stop();
      last = thrown instanceof AttemptFailed ? thrown : new AttemptFailed(toRouteletError(thrown));
      log.fail(last.error, last.refusal?.status ?? null);
      if (planned.kind === "node" && last.error.code === "first_byte_timeout")
        noteSilence({ nodeId: planned.nodeId, now: input.now() });
      if (
        last.error.kind === "cancelled" ||
        last.error.code === "total_timeout" ||
        last.error.code === "local_only_violation"
      )
        break;
      const instead = inOtherDialect({ ...input, planned, error: last.error, now: input.now() });
      if (instead !== null) left.unshift(instead);
      if (STALE.has(last.error.code) && !replanned) {
        replanned = true;
        forgetFleet();
        const tried = new Set(logs.map(({ planned: before }) => backendOf(before)));
        const fresh = await input.replan().catch(replanFailed);
        if (fresh !== null) left = fresh.attempts.filter((attempt) => !tried.has(backendOf(attempt)));
      }
    }
  }
  throw last ?? new AttemptFailed(toRouteletError(new Error("a plan without attempts")));
}
