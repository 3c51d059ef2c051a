import { describe, expect, it } from "vitest";
import { nodeSpanSchema } from "../../../src/tunnel/protocol/messages.ts";
import { buildSpans, childTraceparent } from "./spans.ts";

function ids() {
  let next = 1;
  return () => (next++).toString(16).padStart(16, "0");
}
const SERVER = "f".repeat(16);
const byName = (spans: ReturnType<typeof buildSpans>, name: string) =>
  spans.find((span) => span.name === name);

describe("buildSpans", () => {
  const call = {
    model: "m",
    priority: "interactive" as const,
    serverSpanId: SERVER,
    engineStartUs: 1_000_000,
    endUs: 5_000_000,
    phases: {
      prefillStartUs: 500_000,
      firstTokenUs: 1_500_000,
      endUs: 3_900_000,
      promptTokens: 10,
      reusedTokens: 4,
      completionTokens: 20,
    },
  };

  it("hangs queue, prefill and decode under a server span without parent, on the node's clock", () => {
    const spans = buildSpans(call, 9_000_000, ids());
    expect(
      spans.map(({ name, kind, parentSpanId, startUs, durationUs }) => [
        name,
        kind,
        parentSpanId,
        startUs,
        durationUs,
      ]),
    ).toEqual([
      ["node m", "server", null, 0, 5_000_000],
      ["queue", "internal", SERVER, 0, 1_000_000],
      ["prefill", "internal", SERVER, 1_500_000, 1_000_000],
      ["decode", "internal", SERVER, 2_500_000, 2_400_000],
    ]);
    for (const span of spans) nodeSpanSchema.parse(span);
  });

  it("shows how sure the model was, where the engine tells", () => {
    const statistics = { tokens: 3, meanLogprob: -0.5, minLogprob: -1, meanMargin: 2, minMargin: -0.25 };
    const confidence = { over: "values" as const, ...statistics, completionTokens: 20, prefix: statistics };
    const [server] = buildSpans({ ...call, phases: { ...call.phases, confidence } }, 9_000_000, ids());
    expect(server?.attributes).toMatchObject({
      "routelet.node.confidence.over": "values",
      "routelet.node.confidence.tokens": 3,
      "routelet.node.confidence.mean_logprob": -0.5,
      "routelet.node.confidence.min_logprob": -1,
      "routelet.node.confidence.mean_margin": 2,
      "routelet.node.confidence.min_margin": -0.25,
    });
  });

  it("shows the energy where it is known, and nothing where it is not", () => {
    const [known] = buildSpans({ ...call, energyJoules: 31.5 }, 9_000_000, ids());
    expect(known?.attributes["routelet.node.energy_joules"]).toBe(31.5);
    const [unknown] = buildSpans({ ...call, energyJoules: null }, 9_000_000, ids());
    expect(unknown?.attributes).not.toHaveProperty("routelet.node.energy_joules");
  });

  it("names the latencies as vLLM does, in seconds, and leaves model and usage to the gateway", () => {
    const spans = buildSpans(call, 9_000_000, ids());
    expect(spans[0]?.attributes).toEqual({
      "openinference.span.kind": "CHAIN",
      "gen_ai.latency.time_in_queue": 1,
      "gen_ai.latency.time_in_model_prefill": 1,
      "gen_ai.latency.time_to_first_token": 2.5,
      "gen_ai.latency.time_in_model_decode": 2.4,
      "routelet.node.prompt_tokens": 10,
      "routelet.node.reused_tokens": 4,
      "routelet.node.completion_tokens": 20,
    });
    expect(spans.every((span) => span.attributes["openinference.span.kind"] === "CHAIN")).toBe(true);
    const names = spans.flatMap((span) => Object.keys(span.attributes));
    expect(
      names.filter((name) => name.startsWith("gen_ai.usage") || name === "gen_ai.request.model"),
    ).toEqual([]);
  });

  it("shows a call that failed in the queue as queue time alone, with its error", () => {
    const failed = {
      ...call,
      engineStartUs: undefined,
      endUs: 70,
      error: { code: "queue_full", message: "full" },
      phases: {},
    };
    const spans = buildSpans(failed, 900, ids());
    expect(spans.map((span) => [span.name, span.durationUs])).toEqual([
      ["node m", 70],
      ["queue", 70],
    ]);
    expect(spans[0]?.error).toBe("queue_full: full");
  });

  it("shows a call that ended in its prompt as prefill until its end", () => {
    const cut = { ...call, phases: { prefillStartUs: 0 }, error: { code: "cancelled", message: "gone" } };
    const spans = buildSpans(cut, 9_000_000, ids());
    expect(byName(spans, "prefill")).toMatchObject({ startUs: 1_000_000, durationUs: 4_000_000 });
    expect(byName(spans, "decode")).toBeUndefined();
  });

  it("gives a running call until now, and keeps within the protocol's limits", () => {
    const running = {
      ...call,
      model: "m".repeat(300),
      endUs: undefined,
      error: { code: "x", message: "e".repeat(900) },
    };
    const spans = buildSpans(running, 6_000_000, ids());
    expect(spans[0]?.durationUs).toBe(6_000_000);
    for (const span of spans) nodeSpanSchema.parse(span);
  });
});

describe("childTraceparent", () => {
  const trace = "0af7651916cd43dd8448eb211c80319c";

  it("keeps trace and flags, and puts the node's span in as the parent", () => {
    expect(childTraceparent(`00-${trace}-b7ad6b7169203331-01`, SERVER)).toBe(`00-${trace}-${SERVER}-01`);
    expect(childTraceparent(`cc-${trace}-b7ad6b7169203331-00-later`, SERVER)).toBe(
      `00-${trace}-${SERVER}-00`,
    );
  });

  it.each([undefined, "", "00-x-y-01", `00-${trace}-b7ad6b7169203331`])("is nothing for %j", (value) => {
    expect(childTraceparent(value, SERVER)).toBeUndefined();
  });
});
