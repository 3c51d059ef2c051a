import { type Attributes, type SpanContext, SpanKind, TraceFlags } from "@opentelemetry/api";
import type { Outcome } from "../ledger/records.ts";
import type { ExportTarget } from "./config.ts";
import type { TraceIds } from "./ids.ts";
import { inputContent, outputContent } from "./message-content.ts";
import { anchorNodeSpans } from "./node-spans.ts";
import { type OpenSpan, readableSpan } from "./open-span.ts";
import { NAMES } from "./semantic-names.ts";
import type {
  AttemptEndOptions,
  AttemptSpanOptions,
  AttemptTrace,
  CallEndOptions,
  CallTrace,
  RouteSpanOptions,
  StartCallTraceOptions,
  TunnelTrace,
} from "./trace-handles.ts";
import { cloudHeaders, identityAttributes, identityFromHeaders, nodeHeaders } from "./trace-headers.ts";

interface RecordCallOptions extends StartCallTraceOptions {
  ids: TraceIds;
  target: ExportTarget;
  traceId: string;
  parent: SpanContext | null;
  link: SpanContext | null;
}

/** The state of a call that is recorded; the functions below add to it. */
interface Recording {
  options: RecordCallOptions;
  spans: OpenSpan[];
  /** Run at the call's end: a node's spans are placed when the tunnel's interval is known. */
  finishers: (() => OpenSpan[])[];
  contentAllowed: boolean;
  ended: boolean;
}

/** A call that is recorded: see `startCallTrace`. */
export function recordCall(options: RecordCallOptions): CallTrace {
  const recording: Recording = {
    options,
    spans: [],
    finishers: [],
    contentAllowed: options.config.captureContent,
    ended: false,
  };
  const root = openSpan(recording, {
    name: `${options.method} ${options.path}`,
    kind: SpanKind.SERVER,
    parent: options.parent,
    startedAt: options.startedAt,
    attributes: {
      [NAMES.spanKind]: "CHAIN",
      [NAMES.httpMethod]: options.method,
      [NAMES.httpRoute]: options.path,
    },
  });
  return {
    traceId: options.traceId,
    recording: true,
    keepContentLocal() {
      recording.contentAllowed = false;
      root.attributes[NAMES.localOnly] = true;
    },
    route: (route) => addRoute(recording, root, route),
    attempt: (attempt) => openAttempt(recording, root, attempt),
    end: (end) => endCall(recording, root, end),
  };
}

function openSpan(
  recording: Recording,
  span: Pick<OpenSpan, "name" | "kind" | "parent" | "attributes"> & { startedAt?: number | undefined },
): OpenSpan {
  const { options } = recording;
  const open: OpenSpan = {
    name: span.name,
    kind: span.kind,
    spanId: options.ids.spanId(),
    parent: span.parent,
    startMs: span.startedAt ?? options.clock(),
    endMs: null,
    failed: false,
    attributes: span.attributes,
  };
  recording.spans.push(open);
  return open;
}

function contextOf(recording: Recording, spanId: string): SpanContext {
  const { traceId, parent } = recording.options;
  return {
    traceId,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
    traceState: parent?.traceState,
  };
}

function addRoute(recording: Recording, root: OpenSpan, route: RouteSpanOptions): void {
  if (recording.ended) return;
  const span = openSpan(recording, {
    name: "route",
    kind: SpanKind.INTERNAL,
    parent: contextOf(recording, root.spanId),
    startedAt: route.startedAt,
    attributes: { [NAMES.spanKind]: "CHAIN" },
  });
  set(span.attributes, NAMES.reason, route.reason);
  set(span.attributes, NAMES.plan, [...route.plan]);
  set(span.attributes, NAMES.task, route.task);
  set(span.attributes, NAMES.policyMode, route.mode);
  span.endMs = route.endedAt ?? recording.options.clock();
}

function openAttempt(recording: Recording, root: OpenSpan, attempt: AttemptSpanOptions): AttemptTrace {
  const { options } = recording;
  const operation = attempt.operation ?? "chat";
  const span = openSpan(recording, {
    name: `${operation} ${attempt.model}`,
    kind: SpanKind.CLIENT,
    parent: contextOf(recording, root.spanId),
    startedAt: attempt.startedAt,
    attributes: { [NAMES.spanKind]: operation === "embeddings" ? "EMBEDDING" : "LLM" },
  });
  const { attributes } = span;
  set(attributes, NAMES.operationName, operation);
  set(attributes, NAMES.providerName, attempt.provider);
  set(attributes, NAMES.requestModel, attempt.model);
  set(attributes, NAMES.requestStream, attempt.stream);
  set(attributes, NAMES.requestTemperature, attempt.temperature);
  set(attributes, NAMES.requestTopP, attempt.topP);
  set(attributes, NAMES.requestMaxTokens, attempt.maxTokens);
  set(attributes, NAMES.requestSeed, attempt.seed);
  set(attributes, NAMES.serverAddress, attempt.serverAddress);
  set(attributes, NAMES.serverPort, attempt.serverPort);
  set(attributes, NAMES.attemptSeq, attempt.seq);
  set(attributes, NAMES.attemptKind, attempt.kind);
  set(attributes, NAMES.backend, attempt.backend);
  return {
    headers: cloudHeaders(options, contextOf(recording, span.spanId)),
    tunnel: (tunnel) => openTunnel(recording, span, tunnel),
    content(read) {
      if (!recording.contentAllowed || recording.ended) return;
      const { input, output } = read();
      if (input !== undefined) {
        const { json, originalBytes } = inputContent(input);
        span.attributes[NAMES.inputMessages] = json;
        if (originalBytes !== null) span.attributes[NAMES.inputMessagesBytes] = originalBytes;
      }
      if (output !== undefined) {
        const { json, originalBytes } = outputContent(output);
        span.attributes[NAMES.outputMessages] = json;
        if (originalBytes !== null) span.attributes[NAMES.outputMessagesBytes] = originalBytes;
      }
    },
    end(end) {
      if (span.endMs !== null) return;
      span.endMs = end.endedAt ?? options.clock();
      span.failed = isFailure(end.outcome);
      setAttemptEnd(attributes, end);
    },
  };
}

function setAttemptEnd(attributes: Attributes, end: AttemptEndOptions): void {
  set(attributes, NAMES.outcome, end.outcome);
  set(attributes, NAMES.httpStatus, end.status);
  set(attributes, NAMES.errorType, end.errorCode ?? (isFailure(end.outcome) ? end.outcome : null));
  set(attributes, NAMES.responseId, end.responseId);
  set(attributes, NAMES.responseModel, end.responseModel);
  set(attributes, NAMES.responseFinishReasons, end.finishReasons && [...end.finishReasons]);
  set(attributes, NAMES.responseTimeToFirstChunk, end.firstByteMs == null ? null : end.firstByteMs / 1000);
  set(attributes, NAMES.usageInputTokens, end.usage?.inputTokens);
  set(attributes, NAMES.usageOutputTokens, end.usage?.outputTokens);
  set(attributes, NAMES.usageCacheReadTokens, end.usage?.cachedInputTokens);
  set(attributes, NAMES.usageCost, end.costUsd);
}

function openTunnel(
  recording: Recording,
  attempt: OpenSpan,
  tunnel: { nodeId: string; startedAt?: number },
): TunnelTrace {
  const { options } = recording;
  const span = openSpan(recording, {
    name: "tunnel",
    kind: SpanKind.CLIENT,
    parent: contextOf(recording, attempt.spanId),
    startedAt: tunnel.startedAt,
    attributes: { [NAMES.spanKind]: "CHAIN", [NAMES.nodeId]: tunnel.nodeId },
  });
  const context = contextOf(recording, span.spanId);
  return {
    headers: nodeHeaders(options.headers, context),
    addNodeSpans(spans, { receivedAt }) {
      recording.finishers.push(() =>
        anchorNodeSpans({
          spans,
          tunnel: context,
          sentAtMs: span.startMs,
          receivedAtMs: Math.min(receivedAt, span.endMs ?? receivedAt),
        }),
      );
    },
    end(end) {
      if (span.endMs !== null) return;
      span.endMs = end?.endedAt ?? options.clock();
      if (!end?.errorCode) return;
      span.failed = true;
      span.attributes[NAMES.errorType] = end.errorCode;
    },
  };
}

function endCall(recording: Recording, root: OpenSpan, end: CallEndOptions): ReturnType<CallTrace["end"]> {
  if (recording.ended) return [];
  recording.ended = true;
  const { options } = recording;
  const endMs = end.endedAt ?? options.clock();
  // A caller's mistake (4xx) is no fault of the server (HTTP conventions); a stream that broke under a 200 is.
  root.failed = isFailure(end.outcome) && (end.status >= 500 || end.status < 400);
  const { attributes } = root;
  set(attributes, NAMES.httpStatus, end.status);
  set(attributes, NAMES.outcome, end.outcome);
  set(attributes, NAMES.callId, end.callId);
  set(attributes, NAMES.projectId, end.projectId);
  set(attributes, NAMES.requestedModel, end.requestedModel);
  set(attributes, NAMES.servedBy, end.servedBy);
  set(attributes, NAMES.reason, end.reason);
  set(attributes, NAMES.task, end.task);
  set(attributes, NAMES.errorType, end.errorCode ?? (root.failed ? end.outcome : null));
  for (const span of recording.spans) {
    if (span === root || span.endMs !== null) continue;
    // Its own end never came: the call's end is the last moment at which it can have run.
    span.endMs = endMs;
    span.attributes[NAMES.outcome] ??= end.outcome;
    span.failed ||= isFailure(end.outcome);
  }
  root.endMs = endMs;
  for (const finish of recording.finishers) recording.spans.push(...finish());

  const fromHeaders = identityFromHeaders(options.headers);
  const identity = identityAttributes({
    session: end.session ?? fromHeaders.session,
    user: end.user ?? fromHeaders.user,
    conversation: end.conversation ?? fromHeaders.conversation,
    agent: end.agent ?? fromHeaders.agent,
  });
  return recording.spans.map((span) => {
    Object.assign(span.attributes, identity);
    if (options.config.captureContent && !recording.contentAllowed) dropContent(span.attributes);
    return readableSpan({
      span,
      context: contextOf(recording, span.spanId),
      endMs: span.endMs ?? endMs,
      resource: options.target.resource,
      link: span === root ? (options.link ?? undefined) : undefined,
    });
  });
}

function dropContent(attributes: Attributes): void {
  for (const name of [
    NAMES.inputMessages,
    NAMES.outputMessages,
    NAMES.inputMessagesBytes,
    NAMES.outputMessagesBytes,
  ]) {
    if (attributes[name] !== undefined) delete attributes[name];
  }
}

/** A client that left (`cancelled`) is no failure. */
function isFailure(outcome: Outcome): boolean {
  return outcome === "error" || outcome === "deadline";
}

/** Sets what is known, value by value: a third cheaper than building objects and merging them. */
function set(attributes: Attributes, name: string, value: Attributes[string] | null): void {
  if (value !== null && value !== undefined) attributes[name] = value;
}
