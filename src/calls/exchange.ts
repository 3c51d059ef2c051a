import type { WireDialect } from "../dialects/call.ts";
import type { ClientDialect, RenderContext, ReplyStream, WholeReply } from "../dialects/dialect.ts";
import { emptyRequest } from "../dialects/model-request.ts";
import { backendDialect } from "../dialects/registry.ts";
import { replyEvents } from "../dialects/reply-events.ts";
import { beginsAsEvents, incompleteStream, readWholeReply } from "../dialects/reply-of-events.ts";
import { streamOfEvents, translateStream, translateWhole } from "../dialects/translate.ts";
import { RouteletError } from "../errors.ts";
import { inCallersWords } from "./callers-words.ts";

/** What a refusal says. */
export interface Refusal {
  /** In the backend's words; null when it does not say. */
  text: string | null;
  /** Its own identifier of what is wrong. */
  code: string | null;
  /** The field that is wrong, as the caller writes it. */
  param: string | null;
  /** Whether the client can read it as it came. */
  asIs: boolean;
}

/** How one attempt is worded and read: what goes to the backend, and how its answer becomes the client's. */
export interface Exchange {
  /** The request's body in the backend's dialect. */
  body: string;
  openStream(): ReplyStream;
  /** @throws RouteletError when the body is no reply, or an error. */
  readWhole(body: Uint8Array): WholeReply;
  /** A whole reply for a client that asked for a stream, from a backend that does not stream. Throws as `readWhole`. */
  streamWhole(body: Uint8Array): ReplyStream;
  refusal(body: Uint8Array): Refusal;
}

function untranslatable(from: WireDialect, to: WireDialect): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    code: "unsupported_endpoint",
    message: `The model's backend does not serve ${from} requests, and these have no translation to ${to}. Choose a model of a provider that does.`,
    param: "model",
  });
}

/** What a backend sent is no reply of its dialect. */
export function notAReply(): RouteletError {
  return new RouteletError({
    kind: "upstream",
    code: "upstream_invalid_reply",
    message: "The backend answered with something that is not a reply. Check its base URL.",
    retryable: true,
  });
}

/** The reply that a stream of the client's own dialect ends with. */
function wholeOfStream(follow: ReplyStream, body: Uint8Array): Uint8Array {
  follow.push(body);
  follow.flush();
  const { facts } = follow;
  if (facts.inBandError !== null) throw facts.inBandError;
  const reply = follow.reply?.() ?? null;
  if (reply === null) throw facts.id === null ? notAReply() : incompleteStream();
  return new TextEncoder().encode(JSON.stringify(reply));
}

/**
 * Words an attempt at a backend that speaks `speaks`. In the client's own dialect bytes pass through; in another
 * they are translated through the internal form.
 *
 * @throws RouteletError `unsupported_endpoint`, or what the call's own translation refuses.
 */
export function exchangeWith(options: {
  client: ClientDialect;
  speaks: WireDialect;
  model: string;
  context: RenderContext;
}): Exchange {
  const { client, speaks, model, context } = options;
  const { call } = context;
  const backend = backendDialect(speaks);
  /** The reply as it should have come, where it came as a stream that nobody asked for. */
  const asWhole = (body: Uint8Array): Uint8Array => {
    if (!beginsAsEvents(body)) return body;
    const follow = client.passStream(context);
    if (follow.reply !== undefined) return wholeOfStream(follow, body);
    if (backend === null) return body;
    // In its own dialect a request has no names that were changed for the backend.
    return client.renderReply(readWholeReply(backend, body, emptyRequest()), context);
  };
  const readPassed = (body: Uint8Array): WholeReply => {
    const whole = client.passWhole(asWhole(body), context);
    if (whole.facts.inBandError !== null) throw whole.facts.inBandError;
    if (whole.facts.malformedEvents > 0) throw notAReply();
    return whole;
  };
  const request = speaks === call.dialect ? null : (call.request?.() ?? null);
  if (speaks !== call.dialect && (backend === null || request === null))
    throw untranslatable(call.dialect, speaks);

  const streamWhole = (body: Uint8Array): ReplyStream => {
    if (request === null && client.streamWhole !== undefined)
      return client.streamWhole(readPassed(body), context);
    const asked = request ?? call.request?.() ?? null;
    if (backend === null || asked === null) throw notAReply();
    return streamOfEvents(replyEvents(readWholeReply(backend, body, asked)), client.openRenderer(context));
  };
  if (backend === null || request === null) {
    return {
      body: call.passBody(model),
      openStream: () => client.passStream(context),
      readWhole: readPassed,
      streamWhole,
      refusal(body) {
        const told = client.passWhole(body, context).facts.inBandError;
        const read = backend?.readError(body) ?? null;
        const { code, param } = read ?? { code: null, param: null };
        if (told !== null) return { text: told.message, code, param, asIs: true };
        // Compatible servers have refusals in shapes of their own, which the dialect's SDKs do not read.
        return { text: read?.message ?? null, code, param, asIs: false };
      },
    };
  }
  const translation = { backend, client, request, context };
  return {
    body: backend.renderRequest(request, { model, stream: call.stream }),
    openStream: () => translateStream(translation),
    readWhole: (body) => translateWhole(body, translation),
    streamWhole,
    refusal(body) {
      const read = backend.readError(body);
      if (read === null) return { text: null, code: null, param: null, asIs: false };
      const { param, message } =
        read.param === null ? read : inCallersWords({ ...read, param: read.param }, call.dialect);
      return { text: message, code: read.code, param, asIs: false };
    },
  };
}
