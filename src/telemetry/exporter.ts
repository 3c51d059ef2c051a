import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { ExportTarget, TelemetryConfig } from "./config.ts";
import { EXPORT_DEADLINE_MS, type ExportEdges, exportSpans } from "./export-spans.ts";
import { approximateBytes } from "./span-batches.ts";

const GATHER_MS = 75;
const POST_AT_SPANS = 512;
/** Waiting and being posted, together; an isolate has 128 MB for everything. */
const MAX_SPANS = 8_192;
const MAX_BYTES = 16 * 1_048_576;
/** How late a gatherer may be before another request takes over: its own was cancelled. */
const GATHERER_LATE_MS = 2_000;
const REPORT_EVERY_MS = 10_000;

export interface EnqueueOptions extends Partial<Omit<ExportEdges, "fetch">> {
  config: TelemetryConfig;
  /** From `CallTrace.end`. */
  spans: readonly ReadableSpan[];
  /** The request's own: the work of posting hangs on it alone. */
  waitUntil: (promise: Promise<void>) => void;
  fetch: typeof fetch;
  log?: (line: string) => void;
}

export interface SpanExporter {
  enqueue(options: EnqueueOptions): void;
}

/**
 * Gathers the spans of an isolate's finished calls. One POST per call would halve a busy gateway's throughput:
 * the first request that finds no gatherer becomes one, waits 75 ms behind its response and posts what has come
 * together; the request that fills a batch of 512 posts at once.
 *
 * Requests share plain data alone: a promise or a timer of one request must not be awaited by another
 * (workerd refuses it, or cancels it with its request). So a gatherer that was cancelled is noticed by its
 * being late, and batches under way are counted until they are done or past their deadline.
 */
export function createExporter(): SpanExporter {
  let waiting: ReadableSpan[] = [];
  let waitingBytes = 0;
  /** When the gatherer posts; null without one. */
  let gatherAt: number | null = null;
  let posting: { spans: number; bytes: number; until: number }[] = [];
  const unreported = { failed: 0, rejected: 0, dropped: 0, reason: null as string | null };
  let reportedAt = Number.NEGATIVE_INFINITY;

  function accept(spans: readonly ReadableSpan[], now: number): void {
    posting = posting.filter((batch) => batch.until > now);
    let spansHeld = waiting.length;
    let bytesHeld = waitingBytes;
    for (const batch of posting) {
      spansHeld += batch.spans;
      bytesHeld += batch.bytes;
    }
    let bytes = 0;
    for (const span of spans) bytes += approximateBytes(span);
    // A call's trace is kept or dropped whole.
    if (spansHeld + spans.length > MAX_SPANS || bytesHeld + bytes > MAX_BYTES) {
      unreported.dropped += spans.length;
      return;
    }
    for (const span of spans) waiting.push(span);
    waitingBytes += bytes;
  }

  async function postWaiting(target: ExportTarget, edges: ExportEdges): Promise<void> {
    if (waiting.length === 0) return;
    const spans = waiting;
    const batch = {
      spans: spans.length,
      bytes: waitingBytes,
      until: edges.clock() + EXPORT_DEADLINE_MS + 5_000,
    };
    waiting = [];
    waitingBytes = 0;
    posting.push(batch);
    const result = await exportSpans({ ...edges, target, spans });
    posting = posting.filter((other) => other !== batch);
    unreported.failed += result.failed;
    unreported.rejected += result.rejected;
    unreported.reason = result.reason ?? unreported.reason;
  }

  /** One JSON line in 10 s at most, with counts and a reason: a collector that is down must not flood the log. */
  function report(target: ExportTarget, now: number, log: (line: string) => void): void {
    const { failed, rejected, dropped, reason } = unreported;
    if (failed + rejected + dropped === 0 || now - reportedAt < REPORT_EVERY_MS) return;
    reportedAt = now;
    log(
      JSON.stringify({
        event: "telemetry_export",
        host: new URL(target.url).host,
        failed,
        rejected,
        dropped,
        reason,
      }),
    );
    Object.assign(unreported, { failed: 0, rejected: 0, dropped: 0, reason: null });
  }

  return {
    enqueue(options) {
      const { target } = options.config;
      if (target === null || options.spans.length === 0) return;
      const { clock = Date.now, random = Math.random, sleep = pause, log = console.warn } = options;
      const edges: ExportEdges = { fetch: options.fetch, clock, random, sleep };
      const now = clock();
      accept(options.spans, now);
      if (waiting.length >= POST_AT_SPANS) {
        options.waitUntil(postWaiting(target, edges).then(() => report(target, clock(), log)));
        return;
      }
      if (gatherAt !== null && now < gatherAt + GATHERER_LATE_MS) return;
      const mine = now + GATHER_MS;
      gatherAt = mine;
      options.waitUntil(
        sleep(GATHER_MS).then(async () => {
          if (gatherAt === mine) gatherAt = null;
          await postWaiting(target, edges);
          report(target, clock(), log);
        }),
      );
    },
  };
}

const isolateExporter = createExporter();

/** Queues a finished call's spans in this isolate and sees to their posting, behind the response. */
export function enqueue(options: EnqueueOptions): void {
  isolateExporter.enqueue(options);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
