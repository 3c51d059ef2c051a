import type { RouteletError } from "../errors.ts";
import type { Call, WireDialect } from "./call.ts";
import type { ModelRequest, ReasoningPart } from "./model-request.ts";
import type { Reply, ReplyEvent, ReplyFacts } from "./reply.ts";

/** What a renderer may need to know beside the reply itself. */
export interface RenderContext {
  call: Call;
  /** The call's id; ids of the reply that the backend did not give are made from it. */
  callId: string;
  /** The name to show as the reply's model: null for the one that the backend tells. */
  renameModel: string | null;
  /** What the request is estimated to have as input tokens; for dialects that tell it before the backend does. */
  estimatedInputTokens: number;
  /** When the call came, milliseconds since the epoch. */
  now: number;
  /** The time now, for dialects that tell when a reply was complete; the call's own where there is none. */
  clock?: () => number;
}

/** Renders a translated stream in the client's dialect, event by event. Text is of whole server-sent events. */
export interface ReplyRenderer {
  /** What the client gets for this event; empty when it means nothing in its dialect yet. */
  push(event: ReplyEvent): string;
  /** Closes what is open, gives usage where it is due, and the dialect's terminator. Once. */
  end(): string;
  /** The error as the dialect has it inside a stream, no terminator after it. Instead of `end`. */
  fail(error: RouteletError): string;
  /** The whole reply as an object, after `end`; only of a dialect that keeps replies for later calls. */
  reply?(): Record<string, unknown>;
}

/** Reads a backend's stream into events; repairs what `ReplyEvent` promises. */
export interface ReplyReader {
  push(chunk: Uint8Array): ReplyEvent[];
  /** At the end of the bytes: an unterminated last event, and what was held back. */
  end(): ReplyEvent[];
  /** Events that could not be read so far. */
  readonly malformedEvents: number;
  /** The finish reasons in the backend's own words. */
  readonly finishReasons: readonly string[];
}

/** A streamed reply on its way to the client, translated or passed through. */
export interface ReplyStream {
  readonly facts: ReplyFacts;
  /** Takes the backend's bytes and returns what the client is to get of them: whole server-sent events. */
  push(chunk: Uint8Array): Uint8Array[];
  /** The backend's bytes have ended: what is left of them. The pipeline then looks at `facts.complete`. */
  flush(): Uint8Array[];
  /** What a complete reply still lacks: closing events, the terminator. Once, after `flush`. */
  end(): Uint8Array[];
  /** The error inside the stream, in the client's dialect. Instead of `end`. */
  fail(error: RouteletError): Uint8Array[];
  /** The whole reply as an object once it is complete; null until then, absent where the dialect keeps no replies. */
  reply?(): Record<string, unknown> | null;
}

/** A reply that came whole, in the client's dialect. */
export interface WholeReply {
  body: Uint8Array;
  facts: ReplyFacts;
}

/** A message or choice for the trace's content, in the chat shape (OpenTelemetry GenAI events). */
export interface TraceMessage {
  role?: unknown;
  content?: unknown;
  tool_calls?: unknown;
  tool_call_id?: unknown;
}
export interface TraceChoice {
  message: TraceMessage;
  finish_reason: unknown;
}

/**
 * A dialect as agents speak it to the gateway. Everything is pure; `parse` throws, all else returns.
 */
export interface ClientDialect {
  name: WireDialect;
  /** `/v1/chat/completions`. */
  endpoint: string;
  /**
   * @throws RouteletError `invalid_json`, `invalid_type` (with `param` naming the field).
   */
  parse(body: Uint8Array): Call;
  /** `callId`: of a call that is recorded; for dialects that name it in the body. */
  renderError(error: RouteletError, callId?: string): Response;
  /** What keeps a silent stream alive: a whole comment or event that clients ignore. */
  heartbeat: Uint8Array;
  /** A reply of another dialect's backend, rendered whole. */
  renderReply(reply: Reply, context: RenderContext): Uint8Array;
  openRenderer(context: RenderContext): ReplyRenderer;
  /** A stream of a backend that speaks this dialect itself: bytes pass, a side copy is read, breaches are mended. */
  passStream(context: RenderContext): ReplyStream;
  /** The same for a reply that came whole; also reads the body of a refusal (status 400 and above). */
  passWhole(body: Uint8Array, context: RenderContext): WholeReply;
  /**
   * A whole reply of this dialect as the stream that was asked for; absent where that goes by the internal form, or where
   * nothing is streamed.
   */
  streamWhole?(whole: WholeReply, context: RenderContext): ReplyStream;
  /** What the call says, for a trace with content. */
  traceInput(call: Call): TraceMessage[];
  /** What was released, for a trace with content. */
  traceOutput(released: Uint8Array, streamed: boolean): TraceChoice[];
}

/** A field of a request that a backend's dialect has no word for. */
export interface Problem {
  /** In the caller's own terms where that is known: `logit_bias`. */
  param: string;
  message: string;
}

/** A dialect as backends speak it, for calls that came in another one. Pure. */
export interface BackendDialect {
  /** One of those that are translated. */
  name: ReasoningPart["origin"];
  /**
   * What of the request it cannot honour; empty when it can be rendered. With the backend's name for the model also what
   * this model cannot; without, only what none can.
   */
  problems(request: ModelRequest, options?: { model: string }): Problem[];
  /** The body to send. Only for a request without problems. */
  renderRequest(request: ModelRequest, options: { model: string; stream: boolean }): string;
  /**
   * The request is the one that was rendered: names that had to be changed for this dialect are changed back.
   *
   * @throws RouteletError `upstream_invalid_reply`, `upstream_error` (an error inside a 200).
   */
  readReply(body: Uint8Array, request: ModelRequest): Reply;
  openReader(request: ModelRequest): ReplyReader;
  /** The words of a refusal; null when the body is not an error object of the dialect. */
  readError(body: Uint8Array): { message: string; code: string | null; param: string | null } | null;
}
