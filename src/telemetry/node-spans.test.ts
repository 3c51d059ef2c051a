import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NodeSpan } from "../tunnel/protocol/messages.ts";
import { anchorNodeSpans } from "./node-spans.ts";

const TUNNEL = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 };

function span(fields: Partial<NodeSpan>): NodeSpan {
  return {
    spanId: "00000000000000a1",
    parentSpanId: null,
    name: "node",
    kind: "server",
    startUs: 0,
    durationUs: 10_000,
    attributes: {},
    ...fields,
  };
}

function anchor(spans: NodeSpan[], sentAtMs = 1000, receivedAtMs = 1100) {
  return anchorNodeSpans({ spans, tunnel: TUNNEL, sentAtMs, receivedAtMs });
}

describe("placing", () => {
  test("leaves half of the unexplained time on each side", () => {
    const [server, prefill] = anchor([
      span({ durationUs: 80_000 }),
      span({
        spanId: "00000000000000a2",
        parentSpanId: "00000000000000a1",
        startUs: 20_000,
        durationUs: 30_000,
      }),
    ]);
    expect(server).toMatchObject({ startMs: 1010, endMs: 1090 });
    expect(prefill).toMatchObject({ startMs: 1030, endMs: 1060 });
  });

  test("does not take a slow reader's time for the way to the node", () => {
    const [server] = anchor([span({ durationUs: 80_000 })], 1000, 61_000);
    expect(server?.startMs).toBe(1250);
  });

  test("compresses the spans of a node whose clock runs too fast", () => {
    const [server, late] = anchor([
      span({ durationUs: 400_000 }),
      span({ spanId: "00000000000000a2", startUs: 200_000, durationUs: 200_000 }),
    ]);
    expect(server).toMatchObject({ startMs: 1000, endMs: 1100 });
    expect(late).toMatchObject({ startMs: 1050, endMs: 1100 });
  });

  test("keeps every span within the tunnel's interval, whatever the node says", () => {
    const spans = fc.array(
      fc.record({
        spanId: fc.integer({ min: 1, max: 50 }).map((id) => id.toString(16).padStart(16, "0")),
        parentSpanId: fc.option(
          fc.integer({ min: 1, max: 50 }).map((id) => id.toString(16).padStart(16, "0")),
        ),
        startUs: fc.double({ min: 0, max: 1e15, noNaN: true }),
        durationUs: fc.double({ min: 0, max: 1e15, noNaN: true }),
      }),
      { maxLength: 64 },
    );
    fc.assert(
      fc.property(spans, fc.integer({ min: -100, max: 100_000 }), (drawn, length) => {
        const placed = anchor(drawn.map(span), 1000, 1000 + length);
        const end = 1000 + Math.max(0, length);
        const byId = new Map(placed.map((open) => [open.spanId, open]));
        expect(byId.size).toBe(placed.length);
        for (const open of placed) {
          expect(open.startMs).toBeGreaterThanOrEqual(1000);
          expect(open.startMs).toBeLessThanOrEqual(end + 1e-6);
          expect(open.endMs).toBeLessThanOrEqual(end);
          let parent = open.parent?.spanId;
          for (let steps = 0; parent !== TUNNEL.spanId; steps++) {
            expect(steps).toBeLessThanOrEqual(placed.length);
            parent = byId.get(parent ?? "")?.parent?.spanId;
          }
        }
      }),
    );
  });
});

describe("a node is not trusted", () => {
  test("a model, usage or content in its spans is dropped (threat: double cost, content in a trace)", () => {
    const [server] = anchor([
      span({
        attributes: {
          "gen_ai.request.model": "m",
          "gen_ai.usage.input_tokens": 1,
          "gen_ai.input.messages": "CANARY",
          "openinference.span.kind": "LLM",
          "session.id": "forged",
          "routelet.node.slot": 2,
          "gen_ai.latency.time_in_queue": 0.5,
        },
      }),
    ]);
    expect(server?.attributes).toEqual({
      "openinference.span.kind": "CHAIN",
      "routelet.node.slot": 2,
      "gen_ai.latency.time_in_queue": 0.5,
    });
  });

  test("free error text does not reach the trace, a code does", () => {
    const [text, code] = anchor([
      span({ error: "template failed near: my secret prompt" }),
      span({ spanId: "00000000000000a2", error: "out_of_memory" }),
    ]);
    expect(text).toMatchObject({ failed: true, attributes: { "error.type": "_OTHER" } });
    expect(code).toMatchObject({ failed: true, attributes: { "error.type": "out_of_memory" } });
  });

  test("strangers and circles as parents become children of the tunnel; ids are not taken twice", () => {
    const placed = anchor([
      span({ parentSpanId: "00000000000000ff" }),
      span({ spanId: "00000000000000b1", parentSpanId: "00000000000000b2" }),
      span({ spanId: "00000000000000b2", parentSpanId: "00000000000000b1" }),
      span({ name: "again" }),
      span({ spanId: TUNNEL.spanId }),
    ]);
    expect(placed.map((open) => open.spanId)).toEqual([
      "00000000000000a1",
      "00000000000000b1",
      "00000000000000b2",
    ]);
    for (const open of placed) expect(open.parent?.spanId).toBe(TUNNEL.spanId);
  });

  test("attributes are bounded in number and length", () => {
    const attributes = Object.fromEntries(
      Array.from({ length: 200 }, (_, n) => [`routelet.x${n}`, "y".repeat(1000)]),
    );
    const [server] = anchor([span({ attributes })]);
    expect(Object.keys(server?.attributes ?? {})).toHaveLength(33);
    expect(String(server?.attributes["routelet.x0"])).toHaveLength(256);
  });
});
