import { env } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { JudgeWord } from "../conversion/judge.ts";
import type { CallStart } from "../ledger/records.ts";
import { settingsSchema } from "../settings.ts";
import { keptCall } from "./fixtures/kept-call.ts";
import { type JudgedPair, runJudge } from "./run-judge.ts";
import type { DrawOutcome } from "./task.ts";

const CANARY = "canary-4711";
const PROSE = "The meeting was moved to Thursday, since two of the three could not come on Wednesday.";

const outcome: DrawOutcome = {
  candidate: "small",
  fingerprint: "sf1_small",
  basis: "whole",
  answer: { kind: "scored", score: 0.9, basis: "whole" },
  label: "missing",
  by: "prose",
  findings: [],
  latencyMs: 10,
  slmTokens: null,
  referenceTokens: null,
};
const PAIR: JudgedPair = { kind: "shadow", outcome, words: {}, costUsd: 0 };

type Said = JudgeWord | "status 500" | "status 400" | string;

/** A cloud with the judge in it; `says` in turn, the last one for ever. */
function cloud(...says: Said[]) {
  const asked: string[] = [];
  const fetcher = async (_url: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    asked.push(new TextDecoder().decode(init?.body as Uint8Array));
    const word = (says.length > 1 ? says.shift() : says[0]) ?? "";
    const [, status] = /^status (\d+)$/.exec(word) ?? [];
    if (status !== undefined) return new Response("{}", { status: Number(status) });
    return Response.json({
      id: "c",
      object: "chat.completion",
      created: 1,
      model: "gpt-5-mini",
      choices: [{ index: 0, message: { role: "assistant", content: word }, finish_reason: "stop" }],
      usage: { prompt_tokens: 1_000, completion_tokens: 10, total_tokens: 1_010 },
    });
  };
  return { asked, network: { fetch: fetcher } as unknown as Fetcher };
}

async function judged(options: {
  upstream: ReturnType<typeof cloud>;
  judge?: string | null;
  start?: Partial<CallStart>;
  pair?: JudgedPair;
  unseen?: string | null;
  tries?: number;
}) {
  const { upstream, judge = "gpt-5-mini", pair = PAIR, unseen = "They meet on Thursday." } = options;
  const callId = await keptCall({ asked: `Sum up: ${CANARY}`, answer: PROSE, start: options.start });
  return runJudge({
    env: { ...env, OPENAI_API_KEY: "k", NETWORK: upstream.network },
    projectId: "default",
    callId,
    pair,
    unseen: unseen === null ? null : { text: unseen, refusal: null, calls: [], finish: "complete" },
    tries: options.tries ?? 1,
    settings: settingsSchema.parse({ conversion: { judge } }),
    now: () => 1_000_000,
    waitUntil: () => undefined,
  });
}

describe("a judge", () => {
  it("is asked in both orders, and its agreement is the label", async () => {
    const upstream = cloud("B", "SAME");
    expect(await judged({ upstream })).toMatchObject({ outcome: { label: "fine", by: "judge" } });
    const [first, second] = upstream.asked.map((body) => JSON.parse(JSON.parse(body).messages[1].content));
    expect(first).toMatchObject({ a: PROSE, b: "They meet on Thursday." });
    expect(second).toMatchObject({ b: PROSE, a: "They meet on Thursday." });
    expect(first.request).toEqual([{ role: "user", text: `Sum up: ${CANARY}` }]);
  });

  it("costs what both orders cost", async () => {
    const { outcome: found } = (await judged({ upstream: cloud("A", "B") })) as { outcome: DrawOutcome };
    expect(found).toMatchObject({ label: "wrong", by: "judge" });
    // gpt-5-mini: 0.25 and 2 dollars for a million tokens in and out.
    expect(found.judgeCostUsd).toBeCloseTo((2 * (1_000 * 0.25 + 10 * 2)) / 1e6, 10);
  });

  it.each<[string, Said[], string, number]>([
    ["favours a place", ["A", "A"], "judge orders_disagree", 2],
    ["is unsure", ["UNSURE"], "judge unsure", 1],
    ["answers nonsense", ["Both are lovely answers."], "judge nonsense", 1],
    ["is refused", ["status 400"], "judge status_400", 1],
  ])("that %s abstains, which is a loss, and is paid for", async (_what, says, why, times) => {
    const upstream = cloud(...says);
    const result = await judged({ upstream });
    expect(result).toMatchObject({ outcome: { label: "missing", by: "prose", findings: [why] } });
    expect(upstream.asked).toHaveLength(times);
  });

  it("that fails is asked again later, and only for what it has not said", async () => {
    const upstream = cloud("SAME", "status 500", "SAME");
    const result = await judged({ upstream });
    expect(result).toMatchObject({ pair: { words: { "reference first": "SAME" } } });
    if (!("pair" in result)) throw new Error("it was settled");
    expect(result.retryAt).toBeGreaterThan(1_000_000);
    const before = result.pair.costUsd ?? 0;
    const again = (await judged({ upstream, pair: result.pair, tries: 2 })) as { outcome: DrawOutcome };
    expect(again.outcome).toMatchObject({ label: "fine", by: "judge" });
    expect(again.outcome.judgeCostUsd).toBeCloseTo(2 * before, 10);
    expect(upstream.asked).toHaveLength(3);
  });

  it("that keeps failing abstains in the end", async () => {
    const upstream = cloud("status 500");
    expect(await judged({ upstream, tries: 5 })).toMatchObject({
      outcome: { label: "missing", findings: ["judge status_500"] },
    });
  });

  it("is none where the settings name none, or the answer is gone", async () => {
    const upstream = cloud("SAME");
    expect(await judged({ upstream, judge: null })).toMatchObject({ outcome: { label: "missing" } });
    expect(await judged({ upstream, unseen: null })).toMatchObject({ outcome: { label: "missing" } });
    expect(upstream.asked).toEqual([]);
  });

  it("is never the model whose answer it is", async () => {
    expect(await judged({ upstream: cloud("SAME"), judge: "slm/small" })).toMatchObject({
      outcome: { label: "missing", findings: ["judge is_candidate"] },
    });
  });
});

describe("content that must not leave", () => {
  it.each<[string, Partial<CallStart>]>([
    ["a local-only call", { route: "local-only" }],
    ["a call by route slm", { route: "slm" }],
    ["a call to model slm", { requestedModel: "slm" }],
    ["a call to a node's model by name", { requestedModel: "slm/small" }],
  ])("of %s is told to no cloud judge", async (_what, start) => {
    const upstream = cloud("SAME");
    expect(await judged({ upstream, start })).toMatchObject({
      outcome: { label: "missing", findings: ["judge must_not_leave"], judgeCostUsd: 0 },
    });
    expect(upstream.asked.join()).not.toContain(CANARY);
    expect(upstream.asked).toEqual([]);
  });

  it("may be judged on a node, and waits for one", async () => {
    const upstream = cloud("SAME");
    const result = await judged({ upstream, judge: "slm/other", start: { route: "local-only" } });
    expect(result).toMatchObject({ retryAt: expect.any(Number) });
    expect(upstream.asked).toEqual([]);
  });
});
