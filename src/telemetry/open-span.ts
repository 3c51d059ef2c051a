import {
  type Attributes,
  type HrTime,
  type SpanContext,
  type SpanKind,
  SpanStatusCode,
} from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

/** A span while its call runs: plain data, so that recording one costs an object and no more. Times in ms since the epoch. */
export interface OpenSpan {
  name: string;
  kind: SpanKind;
  spanId: string;
  /** Null for a root without a caller. */
  parent: SpanContext | null;
  startMs: number;
  /** Null while it runs. */
  endMs: number | null;
  failed: boolean;
  attributes: Attributes;
}

const SCOPE = { name: "routelet.gateway" } as const;
const NO_EVENTS: ReadableSpan["events"] = [];
const NO_LINKS: ReadableSpan["links"] = [];

/**
 * Turns a finished span into the SDK's read side, which the OTLP serialisers take.
 *
 * Built directly instead of with the SDK's `Span`: that one takes its id from the tracer (a node's spans bring
 * their own), fixes attributes at its end (identity is known only at the call's end), reads clocks of its own,
 * and costs several times as much at a thousand calls per second.
 */
export function readableSpan(options: {
  span: OpenSpan;
  context: SpanContext;
  endMs: number;
  resource: Resource;
  link?: SpanContext | undefined;
}): ReadableSpan {
  const { span, context, resource, link } = options;
  const endMs = Math.max(span.startMs, options.endMs);
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => context,
    parentSpanContext: span.parent ?? undefined,
    startTime: hrTime(span.startMs),
    endTime: hrTime(endMs),
    duration: hrTime(endMs - span.startMs),
    status: { code: span.failed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
    attributes: span.attributes,
    links: link === undefined ? NO_LINKS : [{ context: link }],
    events: NO_EVENTS,
    ended: true,
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Rounded to whole microseconds: a double holds no more of today's epoch time. */
function hrTime(ms: number): HrTime {
  const micros = Math.round(ms * 1000);
  const seconds = Math.floor(micros / 1_000_000);
  return [seconds, (micros - seconds * 1_000_000) * 1000];
}
