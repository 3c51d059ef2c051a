import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { Outcome, TokenUsage } from "../ledger/records.ts";
import type { NodeSpan } from "../tunnel/protocol/messages.ts";
import type { TelemetryConfig } from "./config.ts";
import type { TraceIds } from "./ids.ts";
import type { ChatChoice, ChatMessage } from "./message-content.ts";
import type { HeaderSource, TraceIdentity } from "./trace-headers.ts";

export interface StartCallTraceOptions {
  config: TelemetryConfig;
  /** The request's headers: `traceparent`, `tracestate`, `baggage` and `x-routelet-session` are read. */
  headers: HeaderSource;
  method: string;
  /** The route, not the URL: `/v1/models/{id}`. */
  path: string;
  /** Milliseconds since the epoch. */
  clock: () => number;
  ids?: TraceIds;
  /** Defaults to now. */
  startedAt?: number;
  /** A caller's span becomes the parent (default), or a link of a trace of our own. */
  incoming?: "parent" | "link";
  /** Whether `traceparent` goes to cloud providers too; default no. */
  propagateToCloud?: boolean;
}

export interface RouteSpanOptions {
  startedAt: number;
  /** Defaults to now. */
  endedAt?: number;
  task?: string | null;
  /** The policy mode of the task. */
  mode?: string | null;
  reason: string;
  /** Backends in order, as in `x-routelet-served-by`: `slm/<model>`, `llm/<provider>/<model>`. */
  plan: readonly string[];
}

export interface AttemptSpanOptions {
  /** From 1. */
  seq: number;
  kind: "node" | "cloud";
  /** `gen_ai.provider.name`: `openai`, `anthropic`, … or the engine of a node. */
  provider: string;
  model: string;
  /** The node's id or the provider's name, as in the ledger. */
  backend: string;
  /** Default `chat`. */
  operation?: string;
  stream?: boolean;
  temperature?: number | null;
  topP?: number | null;
  maxTokens?: number | null;
  seed?: number | null;
  serverAddress?: string;
  serverPort?: number;
  startedAt?: number;
}

/** Fields have the names of `AttemptRecord`, so that a finished record can be passed as it is. */
export interface AttemptEndOptions {
  outcome: Outcome;
  status?: number | null;
  errorCode?: string | null;
  responseId?: string | null;
  responseModel?: string | null;
  finishReasons?: readonly string[];
  usage?: TokenUsage | null;
  /** US dollars; null when unknown, and then no cost is reported. */
  costUsd?: number | null;
  /** From the attempt's start. */
  firstByteMs?: number | null;
  endedAt?: number;
}

export interface CallEndOptions extends TraceIdentity {
  callId: string;
  projectId: string;
  outcome: Outcome;
  /** The status that the client saw. */
  status: number;
  requestedModel?: string | null;
  servedBy?: string | null;
  reason?: string | null;
  task?: string | null;
  errorCode?: string | null;
  endedAt?: number;
}

export interface TunnelTrace {
  /** Headers for the request head: `traceparent` of this span, the caller's `tracestate` and `baggage`. */
  readonly headers: Record<string, string>;
  /** The spans of the call's last frame; those that come after the call's end are dropped. `receivedAt` in ms since the epoch. */
  addNodeSpans(spans: readonly NodeSpan[], options: { receivedAt: number }): void;
  /** Once; later calls do nothing. */
  end(options?: { errorCode?: string | null; endedAt?: number }): void;
}

export interface AttemptContent {
  input?: readonly ChatMessage[];
  output?: readonly ChatChoice[];
}

export interface AttemptTrace {
  /** Headers for a cloud provider: empty unless `propagateToCloud`; never baggage. */
  readonly headers: Record<string, string>;
  tunnel(options: { nodeId: string; startedAt?: number }): TunnelTrace;
  /** Messages, already redacted. `read` runs only when content is captured and may leave the owner's machines. */
  content(read: () => AttemptContent): void;
  /** Once; later calls do nothing. */
  end(options: AttemptEndOptions): void;
}

/**
 * One call's trace, from its first byte in to its last byte out. Explicit: whoever makes a span holds its
 * handle, so that there is neither a context that follows promises nor a global provider.
 */
export interface CallTrace {
  /** 32 hex digits, for the ledger; null when tracing is off and the caller sent no `traceparent`. */
  readonly traceId: string | null;
  /** False: nothing is recorded, and every method costs next to nothing. */
  readonly recording: boolean;
  /** Marks the call's content as the owner's alone: it is in no span, not even what was given before. */
  keepContentLocal(): void;
  /** The routing decision, once it is made. */
  route(options: RouteSpanOptions): void;
  attempt(options: AttemptSpanOptions): AttemptTrace;
  /**
   * Ends the root and whatever still runs, and gives the spans to pass to `enqueue`. Safe to call from both
   * the stream's end and the client's abort: only the first call gives spans.
   */
  end(options: CallEndOptions): ReadableSpan[];
}
