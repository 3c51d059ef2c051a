import { ROOT_CONTEXT, type SpanContext, SpanKind, TraceFlags, trace } from "@opentelemetry/api";
import { SamplingDecision } from "@opentelemetry/sdk-trace";
import { randomIds } from "./ids.ts";
import { recordCall } from "./recorded-call.ts";
import type { AttemptTrace, CallTrace, StartCallTraceOptions, TunnelTrace } from "./trace-handles.ts";
import { cloudHeaders, nodeHeaders, remoteParent } from "./trace-headers.ts";

/**
 * Begins a call's trace: honours the caller's `traceparent`, asks the sampler once for the whole trace, and
 * records only when it says so.
 *
 * With tracing off or the call not sampled there are no spans, but the caller's trace still reaches the owner's
 * nodes, whose engine may have tracing of its own: with its ids and sampled flag when off (a party that takes no
 * part does not alter it, W3C Trace Context section 3.3), without the sampled flag when the sampler dropped the call. When off,
 * no trace id is invented: one that no tool knows would only mislead whoever finds it in the ledger.
 */
export function startCallTrace(options: StartCallTraceOptions): CallTrace {
  const { config, headers } = options;
  const remote = remoteParent(headers);
  if (config.target === null) {
    return remote === null && headers.get("baggage") === null ? SILENT : passThrough(options, remote);
  }
  const ids = options.ids ?? randomIds;
  const link = options.incoming === "link" ? remote : null;
  const parent = link === null ? remote : null;
  const traceId = parent?.traceId ?? ids.traceId();
  const { decision } = config.sampler.shouldSample(
    parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent),
    traceId,
    `${options.method} ${options.path}`,
    SpanKind.SERVER,
    {},
    link === null ? [] : [{ context: link }],
  );
  if (decision !== SamplingDecision.RECORD_AND_SAMPLED) {
    const context = { ...(parent ?? { traceId, spanId: ids.spanId() }), traceFlags: TraceFlags.NONE };
    return passThrough(options, context);
  }
  return recordCall({ ...options, ids, target: config.target, traceId, parent, link });
}

function passThrough(options: StartCallTraceOptions, context: SpanContext | null): CallTrace {
  const attempt: AttemptTrace = {
    ...SILENT_ATTEMPT,
    headers: cloudHeaders(options, context),
    tunnel: () => ({ ...SILENT_TUNNEL, headers: nodeHeaders(options.headers, context) }),
  };
  return { ...SILENT, traceId: context?.traceId ?? null, attempt: () => attempt };
}

const nothing = (): void => undefined;
const SILENT_TUNNEL: TunnelTrace = { headers: {}, addNodeSpans: nothing, end: nothing };
const SILENT_ATTEMPT: AttemptTrace = {
  headers: {},
  tunnel: () => SILENT_TUNNEL,
  content: nothing,
  end: nothing,
};
const SILENT: CallTrace = {
  traceId: null,
  recording: false,
  keepContentLocal: nothing,
  route: nothing,
  attempt: () => SILENT_ATTEMPT,
  end: () => [],
};
