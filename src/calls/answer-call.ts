import type { ClientDialect, RenderContext } from "../dialects/dialect.ts";
import { toRouteletError } from "../errors.ts";
import type { CachedReply } from "../ledger/cache/cached-replies.ts";
import { failureOf } from "./answer-failure.ts";
import { outcomeOf } from "./attempt-log.ts";
import type { ReplyCache } from "./cache/reply-cache.ts";
import type { CallSession } from "./call-session.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { logInternal } from "./log-internal.ts";
import { releaseStream, responseHeaders } from "./release.ts";
import { releaseLater } from "./release-later.ts";
import type { Keeping } from "./stored-responses/keeping.ts";
import type { ReadyReply } from "./try-backend.ts";

const EVENT_STREAM_TYPE = "text/event-stream; charset=utf-8";
const EVENT_STREAM = { "content-type": EVENT_STREAM_TYPE, "cache-control": "no-cache" };

/** Gives a kept reply out again, a stream as a stream; the call is recorded like any other, and cost nothing. */
export async function replay(session: CallSession, hit: CachedReply): Promise<Response> {
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
export async function answer(options: {
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
export async function answerLater(options: {
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
