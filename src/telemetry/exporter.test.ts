import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { describe, expect, test } from "vitest";
import { startCallTrace } from "./call-trace.ts";
import { telemetryConfig } from "./config.ts";
import { createExporter } from "./exporter.ts";
import { decodeTraces } from "./otlp-decoder.test-support.ts";

const config = telemetryConfig({
  OTEL_EXPORTER_OTLP_ENDPOINT: "http://user:collector-password@127.0.0.1:4318",
  OTEL_EXPORTER_OTLP_HEADERS: "api-key=collector-secret",
});

function spans(count: number, text = "CANARY"): ReadableSpan[] {
  const trace = startCallTrace({
    config,
    headers: new Headers(),
    method: "POST",
    path: "/v1/chat/completions",
    clock: () => 1000,
  });
  for (let n = 1; n < count; n++) trace.route({ startedAt: 1000, endedAt: 1000, reason: text, plan: [] });
  return trace.end({ callId: "call", projectId: "default", outcome: "done", status: 200 });
}

/** An isolate: its queue, its clock, its collector, and the promises that its requests left behind. */
function isolate(answer: () => Response | Promise<Response> = () => new Response()) {
  const queue = createExporter();
  const posts: number[] = [];
  const lines: string[] = [];
  const behind: Promise<void>[] = [];
  const sleepers: { at: number; wake: () => void }[] = [];
  let now = 0;

  async function advance(ms: number): Promise<void> {
    const until = now + ms;
    for (;;) {
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      sleepers.sort((a, b) => a.at - b.at);
      const next = sleepers[0];
      if (next === undefined || next.at > until) break;
      sleepers.shift();
      now = next.at;
      next.wake();
    }
    now = until;
  }

  return {
    posts,
    lines,
    behind,
    advance,
    /** Drops whoever sleeps, as the runtime does with a request that it cancels. */
    cancelSleepers: () => sleepers.splice(0),
    call(count: number, text?: string) {
      queue.enqueue({
        config,
        spans: spans(count, text),
        waitUntil: (promise) => behind.push(promise),
        fetch: (async (_url: unknown, init: RequestInit) => {
          posts.push(decodeTraces(init.body as Uint8Array).length);
          return answer();
        }) as typeof fetch,
        clock: () => now,
        random: () => 0.5,
        sleep: (ms) => new Promise((resolve) => sleepers.push({ at: now + ms, wake: resolve })),
        log: (line) => lines.push(line),
      });
    },
  };
}

describe("gathering", () => {
  test("many calls within 75 ms are one post, behind one request's response", async () => {
    const { call, advance, posts, behind } = isolate();
    for (let n = 0; n < 20; n++) call(5);
    expect(behind).toHaveLength(1);
    await advance(74);
    expect(posts).toEqual([]);
    await advance(1);
    expect(posts).toEqual([100]);
    call(3);
    await advance(75);
    expect(posts).toEqual([100, 3]);
  });

  test("512 spans are posted at once, by the request that brought them together", async () => {
    const { call, advance, posts, behind } = isolate();
    for (let n = 0; n < 8; n++) call(64);
    expect(behind).toHaveLength(2);
    await advance(0);
    expect(posts).toEqual([512]);
    await advance(75);
    expect(posts).toEqual([512]);
  });

  test("a gatherer that was cancelled is replaced, and its spans are posted", async () => {
    const { call, advance, posts, cancelSleepers } = isolate();
    call(5);
    await advance(10);
    cancelSleepers();
    await advance(1000);
    call(2);
    await advance(1100);
    expect(posts).toEqual([]);
    call(1);
    await advance(75);
    expect(posts).toEqual([8]);
  });

  test("with tracing off nothing is queued", () => {
    const queue = createExporter();
    queue.enqueue({
      config: telemetryConfig({}),
      spans: spans(1),
      fetch: () => Promise.reject(new Error("posted")),
      waitUntil: () => {
        throw new Error("queued");
      },
    });
  });
});

describe("a collector that is down", () => {
  test("costs bounded memory: what does not fit is dropped, whole calls, and counted", async () => {
    const { call, advance, lines } = isolate(() => new Response(null, { status: 503 }));
    for (let n = 0; n < 40; n++) call(500);
    await advance(30_000);
    call(1);
    await advance(30_000);
    const counts = lines.map((line) => JSON.parse(line));
    const total = (name: string) => counts.reduce((sum, line) => sum + line[name], 0);
    expect(total("failed")).toBe(8_001);
    expect(total("dropped")).toBe(12_000);
    expect(counts.at(-1)).toMatchObject({
      event: "telemetry_export",
      host: "127.0.0.1:4318",
      reason: "http_503",
    });
  });

  test("large content is bounded in bytes, not only in spans", async () => {
    const { call, advance, lines } = isolate(() => new Response(null, { status: 400 }));
    for (let n = 0; n < 10; n++) call(50, "x".repeat(60_000));
    await advance(30_000);
    call(1);
    await advance(100);
    const dropped = lines.map((line) => JSON.parse(line).dropped).reduce((sum, n) => sum + n, 0);
    expect(dropped).toBe(250);
  });

  test("fills no log, and its log has neither content nor credentials (threat: secrets in logs)", async () => {
    const { call, advance, lines } = isolate(() => new Response("CANARY collector-secret", { status: 401 }));
    for (let n = 0; n < 100; n++) {
      call(5);
      await advance(100);
    }
    expect(lines).toHaveLength(1);
    await advance(10_000);
    call(5);
    await advance(100);
    expect(lines).toHaveLength(2);
    expect(lines.join()).not.toMatch(/CANARY|collector-secret|collector-password/);
    const failed = lines.map((line) => JSON.parse(line).failed).reduce((sum, n) => sum + n, 0);
    expect(failed).toBe(505);
  });

  test("holds nothing against later calls once its batches are past their deadline", async () => {
    let down = true;
    const { call, advance, posts } = isolate(() => {
      if (down) return new Promise<Response>(() => undefined);
      return new Response();
    });
    for (let n = 0; n < 17; n++) call(500);
    await advance(26_000);
    down = false;
    posts.length = 0;
    call(500);
    await advance(75);
    expect(posts).toEqual([500]);
  });
});
