import type { RouteletError } from "../errors.ts";
import type {
  BackendDialect,
  ClientDialect,
  RenderContext,
  ReplyRenderer,
  ReplyStream,
  WholeReply,
} from "./dialect.ts";
import type { ModelRequest } from "./model-request.ts";
import { emptyFacts, type ReplyEvent, type ReplyFacts } from "./reply.ts";
import { readWholeReply } from "./reply-of-events.ts";

/** The two ends of a translated reply. */
export interface Translation {
  backend: BackendDialect;
  client: ClientDialect;
  request: ModelRequest;
  context: RenderContext;
}

/** What an event tells the gateway itself. A role frame or the start of a reply is no content (wire trap 20). */
function note(facts: ReplyFacts, event: ReplyEvent): void {
  switch (event.type) {
    case "start":
      facts.id ??= event.id;
      facts.model ??= event.model;
      facts.usage = event.usage ?? facts.usage;
      return;
    case "usage":
      facts.usage = event.usage;
      return;
    case "finish":
      facts.committed = true;
      facts.complete = true;
      return;
    case "error":
      facts.inBandError = event.error;
      return;
    case "end":
      facts.complete = true;
      facts.terminated = true;
      return;
    case "text":
    case "reasoning":
    case "refusal":
    case "tool_arguments":
      if (event.text !== "") facts.committed = true;
      return;
    case "tool_call":
    case "redacted_reasoning":
      facts.committed = true;
      return;
    case "reasoning_signature":
      return;
  }
}

const ENCODER = new TextEncoder();

/** A stream that a backend speaks in another dialect than the client. */
export function translateStream({ backend, client, request, context }: Translation): ReplyStream {
  const facts = emptyFacts();
  const reader = backend.openReader(request);
  const renderer = client.openRenderer(context);

  /** An error ends the reply: the pipeline decides whether it is the attempt's or goes into the stream. */
  function render(events: readonly ReplyEvent[]): Uint8Array[] {
    let text = "";
    for (const event of events) {
      if (facts.inBandError !== null) break;
      note(facts, event);
      if (event.type !== "error") text += renderer.push(event);
    }
    facts.malformedEvents = reader.malformedEvents;
    facts.finishReasons = [...reader.finishReasons];
    return text === "" ? [] : [ENCODER.encode(text)];
  }

  return {
    facts,
    push: (chunk) => render(reader.push(chunk)),
    flush: () => render(reader.end()),
    end: () => encoded(renderer.end()),
    fail: (error: RouteletError) => encoded(renderer.fail(error)),
    reply: () => renderer.reply?.() ?? null,
  };
}

/** The stream that a reply's events make in the client's dialect; all of it is there with the first `push`. */
export function streamOfEvents(events: readonly ReplyEvent[], renderer: ReplyRenderer): ReplyStream {
  const facts = emptyFacts();
  let text = "";
  for (const event of events) {
    note(facts, event);
    if (event.type === "finish") facts.finishReasons.push(event.reason);
    text += renderer.push(event);
  }
  const take = (): Uint8Array[] => {
    const pieces = encoded(text);
    text = "";
    return pieces;
  };
  return {
    facts,
    push: take,
    flush: take,
    end: () => encoded(renderer.end()),
    fail: (error) => encoded(renderer.fail(error)),
    reply: () => renderer.reply?.() ?? null,
  };
}

function encoded(text: string): Uint8Array[] {
  return text === "" ? [] : [ENCODER.encode(text)];
}

/**
 * A whole reply of a backend that speaks another dialect than the client.
 *
 * @throws RouteletError `upstream_invalid_reply`, `upstream_error`.
 */
export function translateWhole(
  body: Uint8Array,
  { backend, client, request, context }: Translation,
): WholeReply {
  const reply = readWholeReply(backend, body, request);
  return {
    body: client.renderReply(reply, context),
    facts: {
      ...emptyFacts(),
      id: reply.id,
      model: reply.model,
      usage: reply.usage,
      finishReasons: reply.choices.flatMap(({ finish }) => finish ?? []),
      committed: true,
      complete: true,
      terminated: true,
    },
  };
}
