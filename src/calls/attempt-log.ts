import type { BackendReply } from "../backends/reply.ts";
import type { ReplyFacts } from "../dialects/reply.ts";
import type { RouteletError } from "../errors.ts";
import { costUsd } from "../ledger/pricing.ts";
import type { AttemptRecord, Outcome, TokenUsage } from "../ledger/records.ts";
import type { AskedBackend } from "../routing/plan.ts";
import type { PriceOverride } from "../settings/prices.ts";
import type { AttemptContent, CallTrace } from "../telemetry/trace-handles.ts";
import type { NodeSpan } from "../tunnel/protocol/messages.ts";

/** One attempt while it runs: gathers what the ledger and the trace are to know of it, and ends both, once. */
export interface AttemptLog {
  readonly planned: AskedBackend;
  /** `slm/<model>` or `llm/<provider>/<model>`. */
  readonly servedBy: string;
  /** Trace headers for the node; empty for a cloud provider. */
  readonly tunnelHeaders: Record<string, string>;
  answered(reply: BackendReply): void;
  /** What is known of the reply so far, kept up by who reads it: an attempt that fails may have told what it cost. */
  reading(facts: ReplyFacts): void;
  firstByte(): void;
  /** Runs when the attempt has ended. */
  onEnd(listener: () => void): void;
  /** What was said, for the trace; `reply` runs only where content is captured and may leave. */
  content(reply: () => Uint8Array): void;
  fail(error: RouteletError, status: number | null): void;
  end(options: { outcome: Outcome; error: RouteletError | null; facts: ReplyFacts | null }): void;
  /** Resolves once the attempt has ended and the node's spans, if any came, are in; never rejects. */
  settled(): Promise<void>;
  /** The record; complete once `settled`. */
  record(): AttemptRecord;
}

/** How long the end of a call waits for the node's last frame, in milliseconds; it is on its way with the last bytes. */
const SPANS_WAIT_MS = 1_000;

const OUTCOMES: Partial<Record<RouteletError["kind"], Outcome>> = {
  cancelled: "cancelled",
  deadline: "deadline",
};

/** How a call or an attempt ended that ended with this error. */
export function outcomeOf(error: RouteletError): Outcome {
  return OUTCOMES[error.kind] ?? "error";
}

/** The exact counts of a node's engine, for a reply that ended before its usage came. */
function usageFromSpans(spans: readonly NodeSpan[]): TokenUsage | null {
  for (const { attributes } of spans) {
    const prompt = attributes["routelet.node.prompt_tokens"];
    const completion = attributes["routelet.node.completion_tokens"];
    const reused = attributes["routelet.node.reused_tokens"];
    if (typeof prompt === "number" && typeof completion === "number") {
      return {
        inputTokens: prompt,
        outputTokens: completion,
        cachedInputTokens: typeof reused === "number" ? reused : 0,
      };
    }
  }
  return null;
}

async function within(promise: Promise<NodeSpan[]>, ms: number): Promise<NodeSpan[]> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<NodeSpan[]>((resolve) => {
    timer = setTimeout(() => resolve([]), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } catch {
    return []; // The attempt's own error says what happened to the node.
  } finally {
    clearTimeout(timer);
  }
}

/** As in `x-routelet-served-by`; a route of a provider that is about no model has none in it. */
export function servedByOf(asked: AskedBackend): string {
  if (asked.kind === "node") return `slm/${asked.model}`;
  return asked.model === "" ? `llm/${asked.provider}` : `llm/${asked.provider}/${asked.model}`;
}

export function openAttemptLog(options: {
  seq: number;
  planned: AskedBackend;
  /** `gen_ai.operation.name`. */
  operation: string;
  stream: boolean;
  /** What was asked and, from the bytes of the reply, what was said; for the trace. */
  said: (reply: Uint8Array) => AttemptContent;
  trace: CallTrace;
  /** The operator's own prices. */
  prices: readonly PriceOverride[];
  now: () => number;
}): AttemptLog {
  const { seq, planned, now } = options;
  const startedAt = now();
  const isNode = planned.kind === "node";
  const backend = isNode ? planned.nodeId : planned.provider;
  const span = options.trace.attempt({
    seq,
    kind: planned.kind,
    provider: isNode ? "routelet" : planned.provider,
    model: planned.model,
    backend,
    operation: options.operation,
    stream: options.stream,
    startedAt,
  });
  const tunnel = isNode ? span.tunnel({ nodeId: planned.nodeId, startedAt }) : null;
  const listeners: (() => void)[] = [];
  let reply: BackendReply | null = null;
  let known: ReplyFacts | null = null;
  let closing: Promise<void> | null = null;
  const record: AttemptRecord = {
    seq,
    kind: planned.kind,
    backend,
    model: planned.model,
    startedAt,
    latencyMs: 0,
    firstByteMs: null,
    outcome: "error",
    status: null,
    errorCode: null,
    usage: null,
    costUsd: null,
  };

  async function close(
    outcome: Outcome,
    error: RouteletError | null,
    facts: ReplyFacts | null,
    status: number | null,
  ): Promise<void> {
    const endedAt = now();
    for (const listener of listeners) listener();
    record.latencyMs = endedAt - startedAt;
    record.outcome = outcome;
    record.status = status;
    record.errorCode = error?.code ?? null;
    record.usage = facts?.usage ?? null;
    if (reply !== null && tunnel !== null) {
      const spans = await within(reply.spans, SPANS_WAIT_MS);
      record.usage ??= usageFromSpans(spans);
      tunnel.addNodeSpans(spans, { receivedAt: endedAt });
    }
    if (!isNode && record.usage !== null) {
      record.costUsd = costUsd({
        provider: backend,
        model: facts?.model ?? planned.model,
        usage: record.usage,
        at: startedAt,
        prices: options.prices,
        asked: planned.model,
      });
    }
    tunnel?.end({ errorCode: record.errorCode, endedAt });
    span.end({
      ...record,
      endedAt,
      responseId: facts?.id ?? null,
      responseModel: facts?.model ?? null,
      finishReasons: facts?.finishReasons ?? [],
    });
  }

  return {
    planned,
    servedBy: servedByOf(planned),
    tunnelHeaders: tunnel?.headers ?? {},
    answered(answer) {
      reply = answer;
      record.status = answer.status;
    },
    reading(facts) {
      known = facts;
    },
    firstByte() {
      record.firstByteMs = now() - startedAt;
    },
    onEnd: (listener) => listeners.push(listener),
    content(reply) {
      span.content(() => options.said(reply()));
    },
    fail(error, status) {
      closing ??= close(outcomeOf(error), error, known, status ?? record.status);
    },
    end({ outcome, error, facts }) {
      closing ??= close(outcome, error, facts, record.status);
    },
    settled: () => closing ?? Promise.resolve(),
    record: () => record,
  };
}
