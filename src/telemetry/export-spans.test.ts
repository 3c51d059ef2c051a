import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { describe, expect, test } from "vitest";
import { startCallTrace } from "./call-trace.ts";
import { type ExportTarget, telemetryConfig } from "./config.ts";
import { exportSpans } from "./export-spans.ts";
import { decodeTraces, encodePartialSuccess } from "./otlp-decoder.test-support.ts";
import { MAX_BATCH_BYTES } from "./span-batches.ts";

const config = telemetryConfig({
  OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318",
  OTEL_EXPORTER_OTLP_HEADERS: "api-key=collector-secret",
});
if (config.target === null) throw new Error("the endpoint is set");
const target: ExportTarget = config.target;

function spans(calls: number, agent = "a"): ReadableSpan[] {
  return Array.from({ length: calls }, (_, n) =>
    startCallTrace({ config, headers: new Headers(), method: "POST", path: "/v1/x", clock: () => 1000 }).end({
      callId: `call-${n}`,
      projectId: "default",
      outcome: "done",
      status: 200,
      requestedModel: agent,
    }),
  ).flat();
}

interface Sent {
  url: string;
  init: RequestInit;
  body: Uint8Array;
}

/** A collector: one answer per request, the last one again and again. A function answer may throw. */
function collector(...answers: (() => Response)[]) {
  const sent: Sent[] = [];
  const waits: number[] = [];
  let now = 0;
  async function receive(this: unknown, url: unknown, init: RequestInit = {}): Promise<Response> {
    // workerd's own fetch refuses to be called as a method of anything.
    if (this !== undefined) throw new TypeError("Illegal invocation");
    sent.push({ url: String(url), init, body: init.body as Uint8Array });
    const answer = answers[Math.min(sent.length, answers.length) - 1];
    if (answer === undefined) throw new Error("no answer");
    return answer();
  }
  const edges = {
    fetch: receive as typeof fetch,
    clock: () => now,
    random: () => 0.5,
    sleep: async (ms: number) => {
      waits.push(ms);
      now += ms;
    },
  };
  return { sent, waits, edges };
}

async function gunzip(body: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([new Uint8Array(body)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const ok = () => new Response(new Uint8Array());
const status =
  (code: number, headers: Record<string, string> = {}) =>
  () =>
    new Response("busy", { status: code, headers });

describe("a batch", () => {
  test("is posted as OTLP protobuf, with the operator's headers, following no redirect", async () => {
    const { sent, edges } = collector(ok);
    const result = await exportSpans({ ...edges, target, spans: spans(3) });
    expect(result).toEqual({ exported: 3, failed: 0, rejected: 0, reason: null });
    expect(sent[0]?.url).toBe("http://127.0.0.1:4318/v1/traces");
    expect(sent[0]?.init).toMatchObject({ method: "POST", redirect: "manual" });
    expect(sent[0]?.init.headers).toEqual({
      "api-key": "collector-secret",
      "content-type": "application/x-protobuf",
    });
    const decoded = decodeTraces(sent[0]?.body ?? new Uint8Array());
    expect(decoded.map((span) => span.attributes["routelet.call.id"])).toEqual([
      "call-0",
      "call-1",
      "call-2",
    ]);
    expect(decoded[0]?.resource).toEqual({ "service.name": "routelet" });
  });

  test("is JSON when so set", async () => {
    const { sent, edges } = collector(ok);
    await exportSpans({ ...edges, target: { ...target, protocol: "http/json" }, spans: spans(1) });
    expect(sent[0]?.init.headers).toMatchObject({ "content-type": "application/json" });
    const body = JSON.parse(new TextDecoder().decode(sent[0]?.body));
    expect(body.resourceSpans[0].scopeSpans[0].spans[0].name).toBe("POST /v1/x");
  });

  test("is compressed for a collector elsewhere, when large enough to gain", async () => {
    const { sent, edges } = collector(ok);
    const remote = { ...target, compress: true };
    await exportSpans({ ...edges, target: remote, spans: spans(100) });
    await exportSpans({ ...edges, target: remote, spans: spans(1) });
    expect(sent[0]?.init.headers).toMatchObject({ "content-encoding": "gzip" });
    expect(decodeTraces(await gunzip(sent[0]?.body ?? new Uint8Array()))).toHaveLength(100);
    expect(sent[1]?.init.headers).not.toHaveProperty("content-encoding");
  });

  test.each(["a", "漢"])("is split at 1 MiB, nothing lost (text of %s)", async (letter) => {
    const { sent, edges } = collector(ok);
    const result = await exportSpans({ ...edges, target, spans: spans(200, letter.repeat(10_000)) });
    expect(result.exported).toBe(200);
    expect(sent.length).toBeGreaterThan(1);
    for (const { body } of sent) expect(body.byteLength).toBeLessThanOrEqual(MAX_BATCH_BYTES);
    const ids = sent.flatMap(({ body }) => decodeTraces(body).map((span) => span.spanId));
    expect(new Set(ids).size).toBe(200);
  });
});

describe("a collector in trouble", () => {
  test.each([429, 502, 503, 504])("%d is tried again with jitter, growing", async (code) => {
    const { sent, waits, edges } = collector(status(code), status(code), ok);
    const result = await exportSpans({ ...edges, target, spans: spans(2) });
    expect(result).toMatchObject({ exported: 2, failed: 0, reason: null });
    expect(waits).toEqual([250, 500]);
    expect(sent[2]?.body).toEqual(sent[0]?.body);
  });

  test("a lost connection is tried again", async () => {
    const { edges } = collector(() => {
      throw new TypeError("connection refused");
    }, ok);
    expect(await exportSpans({ ...edges, target, spans: spans(1) })).toMatchObject({ exported: 1 });
  });

  test.each([400, 401, 403, 404, 413, 500, 302])("%d is not tried again", async (code) => {
    const { sent, edges } = collector(() =>
      code === 302
        ? new Response(null, { status: 302, headers: { location: "http://elsewhere.example" } })
        : status(code)(),
    );
    expect(await exportSpans({ ...edges, target, spans: spans(2) })).toEqual({
      exported: 0,
      failed: 2,
      rejected: 0,
      reason: `http_${code}`,
    });
    expect(sent).toHaveLength(1);
  });

  test("Retry-After is honoured, in seconds and as a date", async () => {
    const { waits, edges } = collector(
      status(429, { "retry-after": "3" }),
      status(503, { "retry-after": new Date(10_000).toUTCString() }),
      ok,
    );
    expect(await exportSpans({ ...edges, target, spans: spans(1) })).toMatchObject({ exported: 1 });
    expect(waits).toEqual([3000, 7000]);
  });

  test("is given up after 20 s in all, and at once when it asks for longer", async () => {
    const down = collector(status(503));
    expect(await exportSpans({ ...down.edges, target, spans: spans(4) })).toMatchObject({
      failed: 4,
      reason: "http_503",
    });
    expect(down.waits.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(20_000);
    expect(down.waits.length).toBeGreaterThan(3);
    const later = collector(status(429, { "retry-after": "3600" }));
    expect(await exportSpans({ ...later.edges, target, spans: spans(1) })).toMatchObject({ failed: 1 });
    expect(later.waits).toEqual([]);
  });

  test("a caller who has enough ends the tries", async () => {
    const { sent, edges } = collector(status(503));
    const controller = new AbortController();
    controller.abort();
    const result = await exportSpans({ ...edges, target, spans: spans(1), signal: controller.signal });
    expect(result).toMatchObject({ failed: 1, reason: "cancelled" });
    expect(sent).toHaveLength(0);
  });

  test("that takes a part is believed", async () => {
    const { edges } = collector(() => new Response(encodePartialSuccess(2)));
    expect(await exportSpans({ ...edges, target, spans: spans(5) })).toEqual({
      exported: 3,
      failed: 0,
      rejected: 2,
      reason: null,
    });
  });

  test("that answers 200 with a page of HTML has taken all", async () => {
    const { edges } = collector(() => new Response("<html>hello</html>"));
    expect(await exportSpans({ ...edges, target, spans: spans(5) })).toMatchObject({
      exported: 5,
      rejected: 0,
    });
  });
});
