import protobuf from "protobufjs";

/** The part of opentelemetry/proto/trace/v1 that traces use, written out so that tests read the wire independently. */
const PROTO = `
syntax = "proto3";
message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
message Scope { string name = 1; string version = 2; }
message Span {
  bytes trace_id = 1;
  bytes span_id = 2;
  string trace_state = 3;
  bytes parent_span_id = 4;
  string name = 5;
  uint32 kind = 6;
  fixed64 start_time_unix_nano = 7;
  fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9;
  repeated Link links = 13;
  Status status = 15;
  fixed32 flags = 16;
}
message Link { bytes trace_id = 1; bytes span_id = 2; }
message Status { string message = 2; uint32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue {
  oneof value {
    string string_value = 1;
    bool bool_value = 2;
    int64 int_value = 3;
    double double_value = 4;
    ArrayValue array_value = 5;
  }
}
message ArrayValue { repeated AnyValue values = 1; }
message ExportTraceServiceResponse { PartialSuccess partial_success = 1; }
message PartialSuccess { int64 rejected_spans = 1; string error_message = 2; }
`;

const { root } = protobuf.parse(PROTO);
const requestType = root.lookupType("ExportTraceServiceRequest");
const responseType = root.lookupType("ExportTraceServiceResponse");

/** A span as a collector sees it. */
export interface DecodedSpan {
  traceId: string;
  spanId: string;
  /** Empty for a root. */
  parentSpanId: string;
  traceState: string;
  name: string;
  kind: "internal" | "server" | "client" | "other";
  startNs: bigint;
  endNs: bigint;
  attributes: Record<string, unknown>;
  links: { traceId: string; spanId: string }[];
  failed: boolean;
  resource: Record<string, unknown>;
}

interface WireValue {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: string;
  doubleValue?: number;
  arrayValue?: { values?: WireValue[] };
}
type WireAttributes = { key: string; value: WireValue }[];
interface WireRequest {
  resourceSpans?: {
    resource?: { attributes?: WireAttributes };
    scopeSpans?: { spans?: WireSpan[] }[];
  }[];
}
interface WireSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  name: string;
  kind?: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: WireAttributes;
  links?: { traceId: string; spanId: string }[];
  status?: { code?: number };
}

/** Reads an `ExportTraceServiceRequest` with protobufjs and the published message definitions. */
export function decodeTraces(body: Uint8Array): DecodedSpan[] {
  const wire = requestType.toObject(requestType.decode(body), {
    longs: String,
    bytes: String,
  }) as WireRequest;
  return (wire.resourceSpans ?? []).flatMap((resourceSpans) =>
    (resourceSpans.scopeSpans ?? []).flatMap((scope) =>
      (scope.spans ?? []).map((span) => ({
        traceId: hex(span.traceId),
        spanId: hex(span.spanId),
        parentSpanId: hex(span.parentSpanId ?? ""),
        traceState: span.traceState ?? "",
        name: span.name,
        kind: (["other", "internal", "server", "client"] as const)[span.kind ?? 0] ?? "other",
        startNs: BigInt(span.startTimeUnixNano),
        endNs: BigInt(span.endTimeUnixNano),
        attributes: record(span.attributes),
        links: (span.links ?? []).map((link) => ({ traceId: hex(link.traceId), spanId: hex(link.spanId) })),
        failed: span.status?.code === 2,
        resource: record(resourceSpans.resource?.attributes),
      })),
    ),
  );
}

/** A collector's answer that takes only a part. */
export function encodePartialSuccess(rejected: number): Uint8Array<ArrayBuffer> {
  const message = responseType.fromObject({
    partialSuccess: { rejectedSpans: rejected, errorMessage: "secret" },
  });
  return new Uint8Array(responseType.encode(message).finish());
}

function record(attributes: WireAttributes = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
}

function plain(value: WireValue): unknown {
  if (value.intValue !== undefined) return Number(value.intValue);
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(plain);
  return value.stringValue ?? value.boolValue ?? value.doubleValue;
}

function hex(base64: string): string {
  return Array.from(atob(base64), (char) => char.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
