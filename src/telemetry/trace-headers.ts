import { type SpanContext, TraceFlags } from "@opentelemetry/api";
import { parseKeyPairsIntoRecord, parseTraceParent, TraceState } from "@opentelemetry/core";
import { NAMES } from "./semantic-names.ts";

/** What of a request's headers is read here: `Headers` fits. */
export interface HeaderSource {
  get(name: string): string | null;
}

/** Who a call belongs to; it stands on every span, since tools aggregate span by span. */
export interface TraceIdentity {
  session?: string | null;
  user?: string | null;
  conversation?: string | null;
  agent?: string | null;
}

/** The limits of W3C Trace Context section 3.3.1.5 and W3C Baggage section 3.3.2. */
const MAX_TRACESTATE = 512;
const MAX_BAGGAGE = 8192;
const MAX_IDENTITY = 256;

/** The caller's span, or null where there is no valid `traceparent`. */
export function remoteParent(headers: HeaderSource): SpanContext | null {
  const traceparent = headers.get("traceparent");
  if (traceparent === null) return null;
  const parent = parseTraceParent(traceparent);
  if (parent === null) return null;
  const tracestate = boundedHeader(headers, "tracestate", MAX_TRACESTATE);
  return {
    traceId: parent.traceId,
    spanId: parent.spanId,
    // Other bits are not defined by the version that we speak (W3C Trace Context section 3.2.2.5).
    traceFlags: parent.traceFlags & TraceFlags.SAMPLED,
    isRemote: true,
    ...(tracestate === null ? {} : { traceState: new TraceState(tracestate) }),
  };
}

/**
 * Headers for the owner's own node: the span's `traceparent`, the caller's state (where the trace is the
 * caller's) and baggage unchanged.
 */
export function nodeHeaders(headers: HeaderSource, context: SpanContext | null): Record<string, string> {
  const out: Record<string, string> = {};
  if (context !== null) {
    out.traceparent = traceparentOf(context);
    const tracestate = context.traceState === undefined ? null : headers.get("tracestate");
    if (tracestate !== null) out.tracestate = tracestate;
  }
  const baggage = boundedHeader(headers, "baggage", MAX_BAGGAGE);
  if (baggage !== null) out.baggage = baggage;
  return out;
}

/** Headers for a cloud provider: none by default, since traces, like their content, are the owner's. */
export function cloudHeaders(
  options: { propagateToCloud?: boolean },
  context: SpanContext | null,
): Record<string, string> {
  return options.propagateToCloud === true && context !== null ? { traceparent: traceparentOf(context) } : {};
}

/** W3C Trace Context, version 00. */
function traceparentOf(context: SpanContext): string {
  return `00-${context.traceId}-${context.spanId}-0${context.traceFlags & TraceFlags.SAMPLED}`;
}

/** `x-routelet-session` wins over the baggage; a conversation without a name of its own is its session. */
export function identityFromHeaders(headers: HeaderSource): TraceIdentity {
  const baggage = boundedHeader(headers, "baggage", MAX_BAGGAGE);
  const entries = baggage === null ? {} : parseKeyPairsIntoRecord(baggage);
  return {
    session: headers.get("x-routelet-session") ?? entries[NAMES.sessionId] ?? null,
    user: entries[NAMES.userId] ?? null,
    conversation: entries[NAMES.conversationId] ?? null,
    agent: entries[NAMES.agentName] ?? null,
  };
}

/** The attributes of an identity; what is not known has none. */
export function identityAttributes(identity: TraceIdentity): Record<string, string> {
  const attributes: Record<string, string> = {};
  const set = (name: string, value: string | null | undefined): void => {
    if (value) attributes[name] = value.slice(0, MAX_IDENTITY);
  };
  set(NAMES.sessionId, identity.session);
  set(NAMES.userId, identity.user);
  set(NAMES.conversationId, identity.conversation ?? identity.session);
  set(NAMES.agentName, identity.agent);
  return attributes;
}

function boundedHeader(headers: HeaderSource, name: string, limit: number): string | null {
  const value = headers.get(name);
  return value === null || value === "" || value.length > limit ? null : value;
}
