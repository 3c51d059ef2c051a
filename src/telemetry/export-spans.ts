import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { ExportTarget } from "./config.ts";
import { rejectedSpans, type SpanBatch, spanBatches } from "./span-batches.ts";

/** From the first try to the last; `waitUntil` is cancelled after 30 s, and the gathering comes before. */
export const EXPORT_DEADLINE_MS = 20_000;
const TRY_TIMEOUT_MS = 10_000;
const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 5_000;
const COMPRESS_FROM_BYTES = 2_048;
const MAX_ANSWER_BYTES = 65_536;

/** The statuses that OTLP/HTTP calls retryable. */
const RETRYABLE = new Set([429, 502, 503, 504]);

/** What of the world the exporter needs. */
export interface ExportEdges {
  fetch: typeof fetch;
  /** Milliseconds since the epoch. */
  clock: () => number;
  /** From 0 to 1, as `Math.random`. */
  random: () => number;
  sleep: (ms: number) => Promise<void>;
}

export interface ExportResult {
  exported: number;
  /** Answered with an error until the deadline, or with one that no retry mends. */
  failed: number;
  /** Refused by a collector that took the rest (partial success). */
  rejected: number;
  /** Of the last failure: `http_503`, `network`, `timeout`, `cancelled`. No content and no credentials. */
  reason: string | null;
}

/**
 * Posts spans to the collector (OTLP/HTTP), in bodies of at most 1 MiB, one after the other. Retries what may pass
 * (429, 502, 503, 504, a lost connection) with full jitter or after the collector's `Retry-After`, all bodies
 * together within 20 s. Never throws: what failed is in the result.
 */
export async function exportSpans(
  options: ExportEdges & { target: ExportTarget; spans: readonly ReadableSpan[]; signal?: AbortSignal },
): Promise<ExportResult> {
  const { target, spans } = options;
  const result: ExportResult = { exported: 0, failed: 0, rejected: 0, reason: null };
  const deadline = options.clock() + EXPORT_DEADLINE_MS;
  for (const batch of spanBatches({ spans, protocol: target.protocol })) {
    const posted = await postWithRetry({ ...options, batch, deadline });
    if (posted.reason === null) {
      const rejected = Math.min(batch.spans, posted.rejected);
      result.exported += batch.spans - rejected;
      result.rejected += rejected;
    } else {
      result.failed += batch.spans;
      result.reason = posted.reason;
    }
  }
  return result;
}

type Posted = { reason: null; rejected: number } | { reason: string };
type Tried = Posted & { retry: boolean; retryAfterMs?: number };

interface PostOptions extends ExportEdges {
  target: ExportTarget;
  batch: SpanBatch;
  deadline: number;
  signal?: AbortSignal;
}

async function postWithRetry(options: PostOptions): Promise<Posted> {
  const { clock, random, sleep, deadline, signal } = options;
  const request = await encode(options.target, options.batch);
  for (let attempt = 0; ; attempt++) {
    const tried = await post({ ...options, ...request });
    if (!tried.retry || signal?.aborted) return tried;
    const jitter = random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempt);
    const wait = Math.max(tried.retryAfterMs ?? 0, jitter);
    if (clock() + wait >= deadline) return tried;
    await sleep(wait);
  }
}

async function post(
  options: PostOptions & { body: Uint8Array<ArrayBuffer>; headers: Record<string, string> },
): Promise<Tried> {
  // Called as a bare function: as a method of `options` workerd refuses its own `fetch`.
  const { fetch, target, clock, deadline, signal } = options;
  if (signal?.aborted) return { reason: "cancelled", retry: false };
  const left = Math.max(1, Math.min(TRY_TIMEOUT_MS, deadline - clock()));
  const timeout = AbortSignal.timeout(left);
  let response: Response;
  let answer: Uint8Array;
  try {
    response = await fetch(target.url, {
      method: "POST",
      headers: options.headers,
      body: options.body,
      // A redirect would carry the credentials to whoever is named in it.
      redirect: "manual",
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    answer = await readAnswer(response);
  } catch {
    if (signal?.aborted) return { reason: "cancelled", retry: false };
    return { reason: timeout.aborted ? "timeout" : "network", retry: true };
  }
  if (response.ok) return { reason: null, rejected: rejectedSpans(answer, target.protocol), retry: false };
  return {
    reason: `http_${response.status}`,
    retry: RETRYABLE.has(response.status),
    retryAfterMs: retryAfter(response.headers.get("retry-after"), clock()),
  };
}

async function readAnswer(response: Response): Promise<Uint8Array> {
  const length = Number(response.headers.get("content-length") ?? "0");
  if (!response.ok || length > MAX_ANSWER_BYTES) {
    await response.body?.cancel();
    return new Uint8Array();
  }
  return new Uint8Array(await response.arrayBuffer());
}

/** `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3); what is neither counts as absent. */
function retryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

async function encode(
  target: ExportTarget,
  batch: SpanBatch,
): Promise<{ body: Uint8Array<ArrayBuffer>; headers: Record<string, string> }> {
  const headers: Record<string, string> = {
    ...target.headers,
    "content-type": target.protocol === "http/json" ? "application/json" : "application/x-protobuf",
  };
  if (!target.compress || batch.body.byteLength < COMPRESS_FROM_BYTES) return { body: batch.body, headers };
  const zipped = new Response(new Blob([batch.body]).stream().pipeThrough(new CompressionStream("gzip")));
  headers["content-encoding"] = "gzip";
  return { body: new Uint8Array(await zipped.arrayBuffer()), headers };
}
