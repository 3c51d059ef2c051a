import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { ExportTarget } from "./config.ts";

/** The most that one request to a collector may hold, before compression; Datadog drops what is above 1 MB. */
export const MAX_BATCH_BYTES = 1_048_576;

export interface SpanBatch {
  body: Uint8Array<ArrayBuffer>;
  spans: number;
}

/** What a span will take up, from the lengths of its strings: for bounds, not for billing. */
export function approximateBytes(span: ReadableSpan): number {
  let bytes = 160;
  for (const name in span.attributes) {
    const value = span.attributes[name];
    bytes += name.length + (typeof value === "string" ? value.length : 16) + 8;
  }
  return bytes;
}

/** Serialises spans into bodies of at most `maxBytes`; a single span that is larger goes alone. */
export function* spanBatches(options: {
  spans: readonly ReadableSpan[];
  protocol: ExportTarget["protocol"];
  maxBytes?: number;
}): Generator<SpanBatch> {
  const { spans, protocol, maxBytes = MAX_BATCH_BYTES } = options;
  let batch: ReadableSpan[] = [];
  let bytes = 0;
  for (const span of spans) {
    const size = approximateBytes(span);
    if (batch.length > 0 && bytes + size > maxBytes) {
      yield* fitting(batch, protocol, maxBytes);
      batch = [];
      bytes = 0;
    }
    batch.push(span);
    bytes += size;
  }
  if (batch.length > 0) yield* fitting(batch, protocol, maxBytes);
}

/** The estimate counts characters, not bytes: what came out too large is halved. */
function* fitting(
  spans: ReadableSpan[],
  protocol: ExportTarget["protocol"],
  maxBytes: number,
): Generator<SpanBatch> {
  const body = serialise(spans, protocol);
  if (body.byteLength <= maxBytes || spans.length === 1) {
    yield { body, spans: spans.length };
    return;
  }
  const middle = Math.ceil(spans.length / 2);
  yield* fitting(spans.slice(0, middle), protocol, maxBytes);
  yield* fitting(spans.slice(middle), protocol, maxBytes);
}

function serialise(spans: ReadableSpan[], protocol: ExportTarget["protocol"]): Uint8Array<ArrayBuffer> {
  const serialiser = protocol === "http/json" ? JsonTraceSerializer : ProtobufTraceSerializer;
  const body = serialiser.serializeRequest(spans);
  if (body === undefined) throw new TypeError("the OTLP serialiser gave no body");
  return new Uint8Array(body);
}

/** How many spans the collector says that it refused, from its answer; 0 where it says nothing. */
export function rejectedSpans(body: Uint8Array, protocol: ExportTarget["protocol"]): number {
  if (body.byteLength === 0) return 0;
  try {
    const serialiser = protocol === "http/json" ? JsonTraceSerializer : ProtobufTraceSerializer;
    return Number(serialiser.deserializeResponse(body).partialSuccess?.rejectedSpans ?? 0) || 0;
  } catch {
    // A 200 with a body of some other kind (a proxy's page) says nothing about spans.
    return 0;
  }
}
