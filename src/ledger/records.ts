import type { EncryptedBody } from "../security/encryption.ts";

/** Why a call or an attempt ended. `cancelled`: the client left. `deadline`: one of the clocks ran out. */
export type Outcome = "done" | "error" | "deadline" | "cancelled";

/** Written together with the dispatch and durable before the first released byte. */
export interface CallStart {
  /** Time-sortable and carrying its ledger shard: see `call-id.ts`. */
  id: string;
  projectId: string;
  keyId: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  endpoint: string;
  requestedModel: string;
  route: string | null;
  task: string | null;
  session: string | null;
  stream: boolean;
  traceId: string | null;
}

export interface TokenUsage {
  /** Includes cached tokens, as OpenAI counts them. */
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
}

/** One try at one backend. */
export interface AttemptRecord {
  /** From 1. */
  seq: number;
  kind: "node" | "cloud";
  /** The node's id or the provider's name. */
  backend: string;
  model: string;
  startedAt: number;
  latencyMs: number;
  /** Until the first byte of content, not of headers; null when none came. */
  firstByteMs: number | null;
  outcome: Outcome;
  status: number | null;
  errorCode: string | null;
  usage: TokenUsage | null;
  /** US dollars at that day's price; null when the price is unknown, never 0 for "unknown". */
  costUsd: number | null;
}

/** Written once at the end, whatever the end was; writing it again changes nothing. */
export interface CallFinish {
  id: string;
  endedAt: number;
  outcome: Outcome;
  /** The status that the client saw. */
  status: number;
  /** `slm/<model>` or `llm/<provider>/<model>`; null when nothing served. */
  servedBy: string | null;
  /** Why it went there, as in `x-routelet-reason`. */
  reason: string;
  errorCode: string | null;
  latencyMs: number;
  firstByteMs: number | null;
  usage: TokenUsage | null;
  costUsd: number | null;
  attempts: AttemptRecord[];
  /** Encrypted before it leaves the isolate; empty when content is switched off. */
  bodies: StoredBody[];
}

export interface StoredBody {
  part: "request" | "response";
  body: EncryptedBody;
  /** Bytes before compression. */
  originalBytes: number;
  /** True when the content was cut at the limit. */
  truncated: boolean;
}
