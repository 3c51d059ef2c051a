import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { describe, expect, test, vi } from "vitest";
import { startCallTrace } from "./call-trace.ts";
import { type TelemetryEnv, telemetryConfig } from "./config.ts";
import { type DecodedSpan, decodeTraces } from "./otlp-decoder.test-support.ts";
import type { CallEndOptions, StartCallTraceOptions } from "./trace-handles.ts";

const CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const DONE: CallEndOptions = {
  callId: "call-1",
  projectId: "default",
  outcome: "done",
  status: 200,
  requestedModel: "auto",
  servedBy: "llm/openai/gpt-5-mini",
  reason: "node_failed",
  task: "triage",
};

function start(
  options: Partial<StartCallTraceOptions> & { env?: TelemetryEnv; send?: Record<string, string> },
) {
  let now = 1_760_000_000_000;
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318", ...options.env };
  return startCallTrace({
    config: telemetryConfig(env),
    headers: new Headers(options.send),
    method: "POST",
    path: "/v1/chat/completions",
    clock: () => now++,
    ...options,
  });
}

function decode(spans: ReadableSpan[]): DecodedSpan[] {
  return decodeTraces(ProtobufTraceSerializer.serializeRequest(spans) ?? new Uint8Array());
}

function named(spans: DecodedSpan[], name: string): DecodedSpan {
  const found = spans.filter((span) => span.name === name);
  if (found.length !== 1 || found[0] === undefined)
    throw new Error(`${found.length} spans are named ${name}`);
  return found[0];
}

/** A call that failed on a node and was answered by the cloud. */
function fallbackCall(options: Parameters<typeof start>[0] = {}) {
  const trace = start(options);
  trace.route({
    startedAt: 1_760_000_000_000,
    task: "triage",
    mode: "canary",
    reason: "auto",
    plan: ["slm/smollm2", "llm/openai/gpt-5-mini"],
  });
  const first = trace.attempt({
    seq: 1,
    kind: "node",
    provider: "embedded",
    model: "smollm2",
    backend: "node-1",
    stream: true,
    temperature: 0,
  });
  const tunnel = first.tunnel({ nodeId: "node-1" });
  tunnel.addNodeSpans(
    [
      {
        spanId: "00000000000000a1",
        parentSpanId: null,
        name: "node /v1/chat/completions",
        kind: "server",
        startUs: 0,
        durationUs: 900,
        attributes: { "gen_ai.latency.time_in_queue": 0.0002 },
        error: "engine_failed",
      },
      {
        spanId: "00000000000000a2",
        parentSpanId: "00000000000000a1",
        name: "prefill",
        kind: "internal",
        startUs: 200,
        durationUs: 300,
        attributes: { "gen_ai.request.model": "smollm2", "gen_ai.usage.input_tokens": 9 },
      },
    ],
    { receivedAt: 1_760_000_000_006 },
  );
  tunnel.end({ errorCode: "engine_failed" });
  first.end({
    outcome: "error",
    status: 500,
    errorCode: "engine_failed",
    usage: null,
    costUsd: null,
    firstByteMs: null,
  });
  const second = trace.attempt({
    seq: 2,
    kind: "cloud",
    provider: "openai",
    model: "gpt-5-mini",
    backend: "openai",
  });
  second.end({
    outcome: "done",
    status: 200,
    responseId: "chatcmpl-1",
    responseModel: "gpt-5-mini-2025-08-07",
    finishReasons: ["stop"],
    usage: { inputTokens: 100, cachedInputTokens: 40, outputTokens: 7 },
    costUsd: 0.00012,
    firstByteMs: 250,
  });
  return { trace, tunnel, first, second };
}

describe("the tree", () => {
  const { trace } = fallbackCall({ send: { "x-routelet-session": "s-1" } });
  const spans = decode(trace.end(DONE));
  const root = named(spans, "POST /v1/chat/completions");

  test("has one root, and every other span's parent is in it", () => {
    const parents = Object.fromEntries(
      spans.map((span) => [
        span.name,
        spans.find((other) => other.spanId === span.parentSpanId)?.name ?? null,
      ]),
    );
    expect(parents).toEqual({
      "POST /v1/chat/completions": null,
      route: "POST /v1/chat/completions",
      "chat smollm2": "POST /v1/chat/completions",
      tunnel: "chat smollm2",
      "node /v1/chat/completions": "tunnel",
      prefill: "node /v1/chat/completions",
      "chat gpt-5-mini": "POST /v1/chat/completions",
    });
    expect(root.parentSpanId).toBe("");
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([trace.traceId]));
  });

  test("has the kinds that backends draw service edges from", () => {
    expect(Object.fromEntries(spans.map((span) => [span.name, span.kind]))).toEqual({
      "POST /v1/chat/completions": "server",
      route: "internal",
      "chat smollm2": "client",
      tunnel: "client",
      "node /v1/chat/completions": "server",
      prefill: "internal",
      "chat gpt-5-mini": "client",
    });
  });

  test("has an OpenInference kind on every span: LLM on attempts, CHAIN elsewhere", () => {
    for (const span of spans) {
      expect(span.attributes["openinference.span.kind"]).toBe(
        span.name.startsWith("chat ") ? "LLM" : "CHAIN",
      );
    }
  });

  test("names a model and usage on attempts alone, so that no tool counts a generation twice", () => {
    for (const span of spans.filter((span) => !span.name.startsWith("chat "))) {
      const names = Object.keys(span.attributes);
      expect(
        names.filter((name) => /^gen_ai\.(request|response|usage|operation|provider)/.test(name)),
      ).toEqual([]);
    }
    expect(spans.filter((span) => "gen_ai.usage.input_tokens" in span.attributes)).toHaveLength(1);
    expect(spans.filter((span) => "gen_ai.request.model" in span.attributes)).toHaveLength(2);
  });

  test("carries the attempt's answer, usage and cost", () => {
    expect(named(spans, "chat gpt-5-mini").attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-5-mini",
      "gen_ai.response.id": "chatcmpl-1",
      "gen_ai.response.model": "gpt-5-mini-2025-08-07",
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.response.time_to_first_chunk": 0.25,
      "gen_ai.usage.input_tokens": 100,
      "gen_ai.usage.output_tokens": 7,
      "gen_ai.usage.cache_read.input_tokens": 40,
      "gen_ai.usage.cost": 0.00012,
      "http.response.status_code": 200,
    });
  });

  test("reports neither usage nor cost where they are unknown", () => {
    const failed = named(spans, "chat smollm2");
    expect(failed.failed).toBe(true);
    expect(failed.attributes["error.type"]).toBe("engine_failed");
    expect(Object.keys(failed.attributes).filter((name) => name.startsWith("gen_ai.usage"))).toEqual([]);
  });

  test("says on the root who served, and why", () => {
    expect(root.failed).toBe(false);
    expect(root.attributes).toMatchObject({
      "http.route": "/v1/chat/completions",
      "http.response.status_code": 200,
      "routelet.call.id": "call-1",
      "routelet.requested_model": "auto",
      "routelet.served_by": "llm/openai/gpt-5-mini",
      "routelet.reason": "node_failed",
      "routelet.task": "triage",
    });
  });

  test("names the session on every span", () => {
    for (const span of spans) {
      expect(span.attributes).toMatchObject({ "session.id": "s-1", "gen_ai.conversation.id": "s-1" });
    }
  });

  test("stays far below the 128 attributes that tools keep", () => {
    for (const span of spans) expect(Object.keys(span.attributes).length).toBeLessThan(32);
  });
});

describe("the caller's context", () => {
  test("is the parent: same trace, state passed on", () => {
    const { trace, tunnel } = fallbackCall({ send: { traceparent: CALLER, tracestate: "vendor=1" } });
    const spans = decode(trace.end(DONE));
    const root = named(spans, "POST /v1/chat/completions");
    expect(root).toMatchObject({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      parentSpanId: "b7ad6b7169203331",
      traceState: "vendor=1",
    });
    expect(tunnel.headers).toEqual({
      traceparent: `00-0af7651916cd43dd8448eb211c80319c-${named(spans, "tunnel").spanId}-01`,
      tracestate: "vendor=1",
    });
  });

  test("is a link when so set: a trace of its own, without the caller's state", () => {
    const { trace, tunnel } = fallbackCall({
      send: { traceparent: CALLER, tracestate: "vendor=1" },
      incoming: "link",
    });
    const root = named(decode(trace.end(DONE)), "POST /v1/chat/completions");
    expect(root.traceId).not.toBe("0af7651916cd43dd8448eb211c80319c");
    expect(root.parentSpanId).toBe("");
    expect(root.links).toEqual([{ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" }]);
    expect(tunnel.headers.tracestate).toBeUndefined();
  });

  test.each([
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "nonsense",
  ])("is ignored when malformed (%s)", (traceparent) => {
    const { trace } = fallbackCall({ send: { traceparent } });
    const root = named(decode(trace.end(DONE)), "POST /v1/chat/completions");
    expect(root.parentSpanId).toBe("");
    expect(root.traceId).not.toBe("0af7651916cd43dd8448eb211c80319c");
  });

  test("not sampled by the caller: nothing is recorded, the node is told so", () => {
    const { trace, tunnel } = fallbackCall({ send: { traceparent: CALLER.replace(/01$/, "00") } });
    expect(trace.recording).toBe(false);
    expect(trace.traceId).toBe("0af7651916cd43dd8448eb211c80319c");
    expect(tunnel.headers.traceparent).toBe("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
    expect(trace.end(DONE)).toEqual([]);
  });

  test("a sampler that ignores the caller records nothing and clears the flag", () => {
    const { trace, tunnel } = fallbackCall({
      env: { OTEL_TRACES_SAMPLER: "always_off" },
      send: { traceparent: CALLER },
    });
    expect(tunnel.headers.traceparent).toBe("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
    expect(trace.end(DONE)).toEqual([]);
  });

  test("baggage names session, user and agent on every span, and goes to the node", () => {
    const baggage = "session.id=s%202,user.id=u-9,gen_ai.agent.name=planner,other=x";
    const { trace, tunnel } = fallbackCall({ send: { baggage } });
    expect(tunnel.headers.baggage).toBe(baggage);
    for (const span of decode(trace.end(DONE))) {
      expect(span.attributes).toMatchObject({
        "session.id": "s 2",
        "user.id": "u-9",
        "gen_ai.conversation.id": "s 2",
        "gen_ai.agent.name": "planner",
      });
    }
  });

  test("what the gateway found out about the session wins over the headers", () => {
    const { trace } = fallbackCall({ send: { baggage: "session.id=a" } });
    const spans = decode(trace.end({ ...DONE, session: "b", user: "u" }));
    for (const span of spans) expect(span.attributes).toMatchObject({ "session.id": "b", "user.id": "u" });
  });

  test("oversized baggage is not passed on", () => {
    const { tunnel } = fallbackCall({ send: { baggage: `a=${"x".repeat(9000)}` } });
    expect(tunnel.headers.baggage).toBeUndefined();
  });

  test("does not go to cloud providers unless so set, and baggage never", () => {
    const send = { traceparent: CALLER, baggage: "user.id=u" };
    expect(fallbackCall({ send }).second.headers).toEqual({});
    const { trace, second } = fallbackCall({ send, propagateToCloud: true });
    const { spanId } = named(decode(trace.end(DONE)), "chat gpt-5-mini");
    expect(second.headers).toEqual({ traceparent: `00-0af7651916cd43dd8448eb211c80319c-${spanId}-01` });
  });
});

describe("with tracing off", () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: undefined };

  test("a call without a caller's context has no trace id, no headers, no spans", () => {
    const { trace, tunnel } = fallbackCall({ env });
    expect(trace.traceId).toBeNull();
    expect(tunnel.headers).toEqual({});
    expect(trace.end(DONE)).toEqual([]);
  });

  test("the caller's context reaches the node unchanged, and no cloud provider", () => {
    const send = { traceparent: CALLER, tracestate: "vendor=1", baggage: "user.id=u" };
    const { trace, tunnel, second } = fallbackCall({ env, send });
    expect(trace.traceId).toBe("0af7651916cd43dd8448eb211c80319c");
    expect(tunnel.headers).toEqual(send);
    expect(second.headers).toEqual({});
  });
});

describe("the end", () => {
  test("from the stream and from the client's leaving gives spans once", () => {
    const { trace } = fallbackCall();
    expect(trace.end(DONE)).toHaveLength(7);
    expect(trace.end({ ...DONE, outcome: "cancelled" })).toEqual([]);
  });

  test("closes what still runs, with the call's outcome", () => {
    const trace = start({});
    const tunnel = trace
      .attempt({ seq: 1, kind: "node", provider: "embedded", model: "m", backend: "n" })
      .tunnel({ nodeId: "n" });
    const spans = decode(trace.end({ ...DONE, outcome: "cancelled", status: 499 }));
    tunnel.addNodeSpans([], { receivedAt: 0 });
    for (const span of spans) {
      expect(span.attributes["routelet.outcome"]).toBe("cancelled");
      expect(span.failed).toBe(false);
      expect(span.endNs).toBeGreaterThanOrEqual(span.startNs);
    }
  });

  test.each([
    ["error", 502, true],
    ["error", 200, true],
    ["deadline", 504, true],
    ["error", 400, false],
    ["error", 429, false],
    ["cancelled", 499, false],
    ["done", 200, false],
  ] as const)("outcome %s with status %d: the root failed is %s", (outcome, status, failed) => {
    const root = named(decode(start({}).end({ ...DONE, outcome, status })), "POST /v1/chat/completions");
    expect(root.failed).toBe(failed);
  });

  test("keeps the first end of an attempt", () => {
    const trace = start({});
    const attempt = trace.attempt({
      seq: 1,
      kind: "cloud",
      provider: "openai",
      model: "m",
      backend: "openai",
    });
    attempt.end({ outcome: "done", status: 200 });
    attempt.end({ outcome: "error", status: 500 });
    const span = named(decode(trace.end(DONE)), "chat m");
    expect(span.attributes["http.response.status_code"]).toBe(200);
    expect(span.failed).toBe(false);
  });

  test("a clock that steps back never gives a span that ends before it starts", () => {
    const times = [2000, 1000];
    const trace = start({ clock: () => times.shift() ?? 500 });
    const [root] = decode(trace.end(DONE));
    expect(root?.endNs).toBe(root?.startNs);
  });
});

describe("content", () => {
  const on = { OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: "SPAN_ONLY" };
  const content = () => ({
    input: [{ role: "user", content: "CANARY question" }],
    output: [{ message: { role: "assistant", content: "CANARY answer" }, finish_reason: "stop" }],
  });

  function call(env: TelemetryEnv) {
    const trace = start({ env });
    const attempt = trace.attempt({ seq: 1, kind: "node", provider: "embedded", model: "m", backend: "n" });
    return { trace, attempt };
  }

  test("is not even read when off, which is the default", () => {
    const read = vi.fn(content);
    const { trace, attempt } = call({});
    attempt.content(read);
    expect(read).not.toHaveBeenCalled();
    expect(JSON.stringify(trace.end(DONE))).not.toContain("CANARY");
  });

  test("is a JSON string on the attempt alone when on", () => {
    const { trace, attempt } = call(on);
    attempt.content(content);
    const spans = decode(trace.end(DONE));
    const { attributes } = named(spans, "chat m");
    expect(JSON.parse(String(attributes["gen_ai.input.messages"]))).toEqual([
      { role: "user", parts: [{ type: "text", content: "CANARY question" }] },
    ]);
    expect(JSON.parse(String(attributes["gen_ai.output.messages"]))).toEqual([
      { role: "assistant", parts: [{ type: "text", content: "CANARY answer" }], finish_reason: "stop" },
    ]);
    expect(spans.filter((span) => JSON.stringify(span.attributes).includes("CANARY"))).toHaveLength(1);
  });

  test("of a local-only call leaves in no span, whenever the mark comes (threat: content at a trace backend)", () => {
    const before = call(on);
    before.trace.keepContentLocal();
    before.attempt.content(content);
    expect(JSON.stringify(before.trace.end(DONE))).not.toContain("CANARY");
    const after = call(on);
    after.attempt.content(content);
    after.trace.keepContentLocal();
    expect(JSON.stringify(after.trace.end(DONE))).not.toContain("CANARY");
  });
});
