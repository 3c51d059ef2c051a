import type { Confidence } from "../../../src/tunnel/protocol/confidence.ts";
import type { NodeSpan } from "../../../src/tunnel/protocol/messages.ts";
import type { EnginePhases } from "../engines/engine.ts";
import type { Place } from "./queue.ts";

/** What was seen of one call on the node; times are microseconds from its receipt. */
export interface CallTimes {
  model: string;
  priority: Place["priority"];
  serverSpanId: string;
  /** When it left the queue; undefined while it waits. */
  engineStartUs?: number;
  /** When the answer was complete, or failed; undefined while it runs. */
  endUs?: number;
  error?: { code: string; message: string };
  /** Null: not known. */
  energyJoules?: number | null;
  phases: EnginePhases;
}

type Attributes = NodeSpan["attributes"];

/** Phoenix and its relatives show a span by this attribute; the names and counts of the call stand on the gateway's span. */
const CHAIN: Attributes = { "openinference.span.kind": "CHAIN" };

/**
 * The node's part of the trace: a server span (the gateway hangs it under its tunnel span) with queue, prefill and
 * decode inside. The latencies have vLLM's attribute names, in seconds. Model and usage in the `gen_ai` names are left
 * to the gateway's span, since backends add them up over all spans.
 */
export function buildSpans(call: CallTimes, nowUs: number, newSpanId: () => string): NodeSpan[] {
  const { phases, engineStartUs, serverSpanId } = call;
  const endUs = call.endUs ?? nowUs;
  const queueEndUs = engineStartUs ?? endUs;
  const onNode = (engineUs: number | undefined): number | undefined =>
    engineStartUs === undefined || engineUs === undefined
      ? undefined
      : Math.min(endUs, engineStartUs + engineUs);
  const prefillStartUs = onNode(phases.prefillStartUs);
  const firstTokenUs = onNode(phases.firstTokenUs);
  const engineEndUs = onNode(phases.endUs) ?? endUs;

  const attributes: Attributes = { ...CHAIN, "gen_ai.latency.time_in_queue": seconds(queueEndUs) };
  if (prefillStartUs !== undefined) {
    attributes["gen_ai.latency.time_in_model_prefill"] = seconds((firstTokenUs ?? endUs) - prefillStartUs);
  }
  if (firstTokenUs !== undefined) {
    attributes["gen_ai.latency.time_to_first_token"] = seconds(firstTokenUs);
    attributes["gen_ai.latency.time_in_model_decode"] = seconds(engineEndUs - firstTokenUs);
  }
  if (phases.promptTokens !== undefined) attributes["routelet.node.prompt_tokens"] = phases.promptTokens;
  if (phases.reusedTokens !== undefined) attributes["routelet.node.reused_tokens"] = phases.reusedTokens;
  if (phases.completionTokens !== undefined) {
    attributes["routelet.node.completion_tokens"] = phases.completionTokens;
  }
  if (phases.confidence !== undefined) Object.assign(attributes, confidenceAttributes(phases.confidence));

  if (typeof call.energyJoules === "number") {
    attributes["routelet.node.energy_joules"] = call.energyJoules;
  }

  const child = (name: string, startUs: number, childEndUs: number): NodeSpan => ({
    spanId: newSpanId(),
    parentSpanId: serverSpanId,
    name,
    kind: "internal",
    startUs,
    durationUs: Math.max(0, childEndUs - startUs),
    attributes: CHAIN,
  });
  const spans: NodeSpan[] = [
    {
      spanId: serverSpanId,
      parentSpanId: null,
      name: `node ${call.model}`.slice(0, 128),
      kind: "server",
      startUs: 0,
      durationUs: endUs,
      attributes,
      ...(call.error === undefined
        ? {}
        : { error: `${call.error.code}: ${call.error.message}`.slice(0, 512) }),
    },
    child("queue", 0, queueEndUs),
  ];
  if (prefillStartUs !== undefined) spans.push(child("prefill", prefillStartUs, firstTokenUs ?? endUs));
  if (firstTokenUs !== undefined) spans.push(child("decode", firstTokenUs, engineEndUs));
  return spans;
}

/** In the final frame stands all of it; of the prefix, a trace needs nothing. */
function confidenceAttributes(confidence: Confidence): Attributes {
  return {
    "routelet.node.confidence.over": confidence.over,
    "routelet.node.confidence.tokens": confidence.tokens,
    "routelet.node.confidence.mean_logprob": confidence.meanLogprob,
    "routelet.node.confidence.min_logprob": confidence.minLogprob,
    "routelet.node.confidence.mean_margin": confidence.meanMargin,
    "routelet.node.confidence.min_margin": confidence.minMargin,
  };
}

/** The incoming `traceparent` (W3C Trace Context) with another parent; undefined where none or a broken one came. */
export function childTraceparent(traceparent: string | undefined, spanId: string): string | undefined {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})(?:-|$)/.exec(traceparent ?? "");
  return match === null ? undefined : `00-${match[1]}-${spanId}-${match[2]}`;
}

function seconds(us: number): number {
  return Math.max(0, us) / 1e6;
}
