import { type Attributes, type SpanContext, SpanKind } from "@opentelemetry/api";
import type { NodeSpan } from "../tunnel/protocol/messages.ts";
import type { OpenSpan } from "./open-span.ts";
import { NAMES, NODE_ATTRIBUTE_PREFIXES } from "./semantic-names.ts";

/** The longest way between gateway and node that is believed; more is a stream held up by a slow reader. */
const MAX_ONE_WAY_MS = 250;
const MAX_ATTRIBUTES = 32;
const MAX_STRING = 256;
const ERROR_CODE = /^[A-Za-z0-9_.:-]{1,64}$/;
const KINDS = { server: SpanKind.SERVER, internal: SpanKind.INTERNAL, client: SpanKind.CLIENT } as const;

/**
 * Puts a node's spans into the interval between the sending of the request head and the receipt of the last
 * frame, both on the gateway's clock. The node's clock only gives distances: its spans begin after half of
 * the time that they leave unexplained (the way there and the way back), at most 250 ms, and are compressed
 * where the node's clock runs so fast that they would not fit.
 *
 * What a node sends is not trusted: attributes outside `NODE_ATTRIBUTE_PREFIXES` are dropped (a model, usage or
 * content there would count the generation twice or leak it), a parent that is not among the spans becomes the
 * tunnel, a span id that was seen before is dropped, and free error text becomes `_OTHER`.
 */
export function anchorNodeSpans(options: {
  spans: readonly NodeSpan[];
  tunnel: SpanContext;
  sentAtMs: number;
  receivedAtMs: number;
}): OpenSpan[] {
  const { tunnel, sentAtMs } = options;
  const unique = new Map<string, NodeSpan>();
  for (const span of options.spans) {
    if (span.spanId !== tunnel.spanId && !unique.has(span.spanId)) unique.set(span.spanId, span);
  }
  let nodeMs = 0;
  for (const span of unique.values()) nodeMs = Math.max(nodeMs, (span.startUs + span.durationUs) / 1000);
  const availableMs = Math.max(0, options.receivedAtMs - sentAtMs);
  const scale = nodeMs > availableMs ? availableMs / nodeMs : 1;
  const offsetMs = Math.min(Math.max(0, availableMs - nodeMs) / 2, MAX_ONE_WAY_MS);

  return [...unique.values()].map((span) => {
    const startMs = sentAtMs + offsetMs + (span.startUs / 1000) * scale;
    return {
      name: span.name,
      kind: KINDS[span.kind],
      spanId: span.spanId,
      parent: reachesTunnel(span, unique)
        ? { ...tunnel, spanId: span.parentSpanId ?? tunnel.spanId }
        : tunnel,
      startMs,
      endMs: Math.min(startMs + (span.durationUs / 1000) * scale, sentAtMs + availableMs),
      failed: span.error !== undefined,
      attributes: nodeAttributes(span),
    };
  });
}

/** Whether following the parents ends at the tunnel: neither a stranger nor a circle on the way. */
function reachesTunnel(span: NodeSpan, spans: ReadonlyMap<string, NodeSpan>): boolean {
  let current: NodeSpan | undefined = span;
  for (let steps = 0; steps <= spans.size; steps++) {
    if (current === undefined) return false;
    if (current.parentSpanId === null) return true;
    current = spans.get(current.parentSpanId);
  }
  return false;
}

function nodeAttributes(span: NodeSpan): Attributes {
  const attributes: Attributes = { [NAMES.spanKind]: "CHAIN" };
  let count = 0;
  for (const [name, value] of Object.entries(span.attributes)) {
    if (count >= MAX_ATTRIBUTES) break;
    if (!NODE_ATTRIBUTE_PREFIXES.some((prefix) => name.startsWith(prefix))) continue;
    attributes[name] = typeof value === "string" ? value.slice(0, MAX_STRING) : value;
    count++;
  }
  if (span.error !== undefined) {
    attributes[NAMES.errorType] = ERROR_CODE.test(span.error) ? span.error : "_OTHER";
  }
  return attributes;
}
