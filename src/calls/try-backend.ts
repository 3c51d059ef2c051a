import { callCloud } from "../backends/call-cloud.ts";
import { callNode } from "../backends/call-node.ts";
import { type BackendReply, lostReply } from "../backends/reply.ts";
import { type ByteReader, EMPTY_READER } from "../byte-reader.ts";
import { joinBytes } from "../bytes.ts";
import type { Call } from "../dialects/call.ts";
import type { ClientDialect, RenderContext, ReplyStream } from "../dialects/dialect.ts";
import type { ReplyFacts } from "../dialects/reply.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import type { PlannedAttempt } from "../routing/plan.ts";
import type { Settings } from "../settings.ts";
import type { CallTrace } from "../telemetry/trace-handles.ts";
import { type AttemptClock, orAborted } from "./attempt-clock.ts";
import { refused } from "./attempt-failed.ts";
import type { AttemptLog } from "./attempt-log.ts";
import { type Exchange, exchangeWith, notAReply } from "./exchange.ts";
import { type HeldCheck, openHeldCheck, tooLongToCheck } from "./held-check.ts";

/** A reply that is about to be released. Its attempt is still open: whoever releases it ends it. */
export interface ReadyReply {
  log: AttemptLog;
  clock: AttemptClock;
  status: number;
  headers: Headers;
  content:
    | { whole: Uint8Array; facts: ReplyFacts }
    | { held: Uint8Array[]; rest: ByteReader; follow: ReplyStream };
}

/** What an attempt at any backend needs to know of its call. */
export interface AttemptInput {
  env: Env;
  projectId: string;
  keyId: string;
  client: ClientDialect;
  call: Call;
  context: RenderContext;
  settings: Settings;
  /** False for a call marked `local-only` or `slm`. */
  mayLeave: boolean;
  clientHeaders: Headers;
  totalEndsAt: number;
  trace: CallTrace;
  now: () => number;
  fetch: typeof fetch;
}

/** Held back at most, until the first content: lifecycle frames are small, so more than this is content in disguise. */
const MAX_HELD_BYTES = 64 * 1024;

const ENCODER = new TextEncoder();

/** Some servers stream under another type, or under none; what is JSON or a page says so. */
const STREAM_TYPE = /^(text\/event-stream|text\/plain|application\/octet-stream|application\/x-ndjson|$)/i;

const isEventStream = (headers: Headers) => STREAM_TYPE.test(headers.get("content-type")?.trim() ?? "");

function send(
  input: AttemptInput,
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
      account: {
        projectId: input.projectId,
        providers: input.settings.providers,
        passProviderKey: input.settings.passProviderKey,
        conversation: planned.conversation ?? null,
        random: Math.random,
        now: input.now,
      },
    });
  }
  return callNode({
    env,
    nodeId: planned.nodeId,
    projectId: input.projectId,
    keyId: input.keyId,
    dialect: planned.speaks,
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
  reader: ByteReader,
  follow: ReplyStream,
  signal: AbortSignal,
  check: HeldCheck | null,
): Promise<Uint8Array[]> {
  const held: Uint8Array[] = [];
  let size = 0;
  while (!follow.facts.committed && !follow.facts.terminated && size < MAX_HELD_BYTES) {
    const { done, value } = await orAborted(reader.read().catch(lost), signal);
    if (!done) check?.push(value);
    const released = done ? follow.flush() : follow.push(value);
    held.push(...released);
    size += value?.length ?? 0;
    if (follow.facts.inBandError !== null) throw follow.facts.inBandError;
    if (done && !follow.facts.committed && !follow.facts.terminated) {
      // Events of another dialect: the endpoint is not what it is taken for.
      if (follow.facts.malformedEvents > 0 && follow.facts.id === null) throw notAReply();
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

/** A checked reply may take more: it is held whole. Beyond this it is not worth the memory. */
const MAX_CHECKED_BYTES = 4 * 1024 * 1024;

/** Reads a stream until its check lets it go: to its end, or until free text has gone on for long enough. */
async function holdUntilChecked(options: {
  reader: ByteReader;
  follow: ReplyStream;
  check: HeldCheck;
  clock: AttemptClock;
  confidence: BackendReply["confidence"];
}): Promise<Uint8Array[]> {
  const { reader, follow, check, clock } = options;
  const held = await holdUntilContent(reader, follow, clock.signal, check);
  // From the first content on silence is what is measured, as in a stream that is released.
  clock.committed();
  let size = 0;
  // How sure the model was comes behind the terminator.
  while ((check.byConfidence || !follow.facts.terminated) && !check.releasable) {
    const { done, value } = await orAborted(reader.read().catch(lost), clock.signal);
    if (!done) check.push(value);
    held.push(...(done ? follow.flush() : follow.push(value)));
    size += value?.length ?? 0;
    if (follow.facts.inBandError !== null) throw follow.facts.inBandError;
    if (size > MAX_CHECKED_BYTES) throw tooLongToCheck();
    if (done) break;
  }
  if (!check.releasable)
    check.end(check.byConfidence ? await orAborted(options.confidence, clock.signal) : null);
  return held;
}

/** The backend's answer; with its body where it is not to be streamed. */
async function answer(
  input: AttemptInput,
  planned: PlannedAttempt,
  log: AttemptLog,
  exchange: Exchange,
  clock: AttemptClock,
): Promise<{ reply: BackendReply; whole: Uint8Array | null }> {
  const { signal } = clock;
  const reply = await send(input, planned, log, exchange, signal);
  clock.answered();
  // An attempt that was given up meanwhile has its record already.
  if (!signal.aborted) log.answered(reply);
  const streamed = reply.status < 400 && input.call.stream && isEventStream(reply.headers);
  return { reply, whole: streamed ? null : await reply.whole().catch(lost) };
}

const EVENT_STREAM = "text/event-stream; charset=utf-8";

/** What is read as a stream goes out as one: some servers call it plain text, or nothing. */
export function streamType(headers: Headers): string {
  const theirs = headers.get("content-type") ?? "";
  return /^text\/event-stream/i.test(theirs.trim()) ? theirs : EVENT_STREAM;
}

/** A response's own headers cannot be changed. */
function withContentType(headers: Headers, contentType: string | null): Headers {
  if (contentType === null || headers.get("content-type") === contentType) return headers;
  const changed = new Headers(headers);
  changed.set("content-type", contentType);
  return changed;
}

/**
 * Asks one backend, up to the first content of its reply.
 *
 * @throws RouteletError, or `AttemptFailed` with the backend's own refusal.
 */
export async function tryBackend(
  input: AttemptInput,
  planned: PlannedAttempt,
  log: AttemptLog,
  clock: AttemptClock,
): Promise<ReadyReply> {
  const { signal } = clock;
  const { client, call, context } = input;
  const exchange = exchangeWith({ client, speaks: planned.speaks, model: planned.model, context });
  const check = openHeldCheck(planned, call);
  const { reply, whole } = await orAborted(answer(input, planned, log, exchange, clock), signal);
  const { status, headers } = reply;
  const ready = (content: ReadyReply["content"], contentType = headers.get("content-type")): ReadyReply => {
    clock.committed();
    log.firstByte();
    return { log, clock, status, headers: withContentType(headers, contentType), content };
  };
  if (whole !== null) {
    if (status >= 400) {
      throw refused({
        ...exchange.refusal(whole),
        planned,
        status,
        headers,
        clientHeaders: input.clientHeaders,
        body: whole,
        now: input.now(),
      });
    }
    check?.whole(whole, check.byConfidence ? await orAborted(reply.confidence, signal) : null);
    if (!call.stream) {
      const { body, facts } = exchange.readWhole(whole);
      log.reading(facts);
      // What came as a stream all the same is whole now.
      const isStream = /^text\/event-stream/i.test(headers.get("content-type") ?? "");
      return ready({ whole: body, facts }, isStream ? "application/json" : undefined);
    }
    const follow = exchange.streamWhole(whole);
    log.reading(follow.facts);
    return ready({ held: follow.flush(), rest: EMPTY_READER, follow }, EVENT_STREAM);
  }
  const rest = reply.reader();
  const follow = exchange.openStream();
  log.reading(follow.facts);
  try {
    const held =
      check === null
        ? await holdUntilContent(rest, follow, signal, null)
        : await holdUntilChecked({ reader: rest, follow, check, clock, confidence: reply.confidence });
    return ready({ held: held.length > 1 ? [joinBytes(held)] : held, rest, follow }, streamType(headers));
  } catch (thrown) {
    rest.cancel(thrown).catch(() => undefined);
    throw thrown;
  }
}
