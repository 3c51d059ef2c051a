import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cacheRegret, decideByCost, type Standing } from "./expected-cost.ts";

const base: Parameters<typeof decideByCost>[0] = {
  accepted: 0.5,
  slm: { usd: 0.0001, latencyMs: 800 },
  reference: { usd: 0.002, latencyMs: 1_200 },
  secondUsd: 0,
  gap: 0,
  wrongUsd: 0,
  standing: null,
  inTurn: false,
};
const onReference: Standing = {
  served: "llm",
  cachedTokens: 10_000,
  tokenUsd: 2e-6,
  cachedTokenUsd: 2e-7,
};

describe("whether the SLM goes first", () => {
  it.each([
    [10, 0.1],
    [20, 0.05],
    [30, 1 / 30],
  ])("with an SLM %d times cheaper the break-even is %d", (times, breakEven) => {
    const reference = { ...base.reference, usd: base.slm.usd * times };
    expect(decideByCost({ ...base, reference }).breakEven).toBeCloseTo(breakEven, 12);
  });

  it.each([
    ["an answer that is likely enough to be accepted", {}, true, "pays"],
    ["one that hardly ever is", { accepted: 0.04 }, false, "does not pay"],
    [
      "an SLM that is slow, where waiting is dear",
      { slm: { usd: 1e-4, latencyMs: 9_000 }, secondUsd: 0.01 },
      false,
      "does not pay",
    ],
    [
      "an SLM that is quick, where waiting is dear",
      { slm: { usd: 1e-4, latencyMs: 100 }, secondUsd: 0.01 },
      true,
      "pays",
    ],
    ["wrong answers that cost more than is saved", { gap: 0.3, wrongUsd: 0.01 }, false, "does not pay"],
    ["an SLM that is better", { gap: -0.3, wrongUsd: 0.01 }, true, "pays"],
    ["a prompt that the reference has in its cache", { standing: onReference }, false, "does not pay"],
    ["a small prompt there", { standing: { ...onReference, cachedTokens: 100 } }, true, "pays"],
    [
      "a conversation on the SLM",
      { accepted: 0.01, standing: { ...onReference, served: "slm" } },
      true,
      "stays on the SLM",
    ],
    [
      "a tool's result in the SLM's turn",
      { accepted: 0, standing: { ...onReference, served: "slm" }, inTurn: true },
      true,
      "same turn",
    ],
    [
      "a tool's result in the reference's turn",
      { accepted: 1, standing: { ...onReference, cachedTokens: 0 }, inTurn: true },
      false,
      "same turn",
    ],
    ["a free reference", { reference: { usd: 0, latencyMs: 0 } }, false, "does not pay"],
  ] as const)("for %s", (_name, change, slmFirst, why) => {
    expect(decideByCost({ ...base, ...change })).toMatchObject({ slmFirst, why });
  });

  it("is what costs less on average", () => {
    const money = fc.double({ min: 1e-6, max: 0.1, noNaN: true });
    const ms = fc.double({ min: 1, max: 60_000, noNaN: true });
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        money,
        money,
        ms,
        ms,
        money,
        (accepted, s, l, ts, tl, secondUsd) => {
          const waits = (usd: number, latencyMs: number) => usd + (secondUsd * latencyMs) / 1_000;
          const first = waits(s, ts) + (1 - accepted) * waits(l, tl);
          fc.pre(Math.abs(first - waits(l, tl)) > 1e-12);
          const { slmFirst } = decideByCost({
            ...base,
            accepted,
            slm: { usd: s, latencyMs: ts },
            reference: { usd: l, latencyMs: tl },
            secondUsd,
          });
          expect(slmFirst).toBe(first < waits(l, tl));
        },
      ),
    );
  });
});

it("the lost cache is what its tokens cost more without it", () => {
  expect(cacheRegret(onReference)).toBeCloseTo(0.018, 12);
  expect(cacheRegret({ ...onReference, served: "slm" })).toBe(0);
  expect(cacheRegret({ ...onReference, cachedTokenUsd: 3e-6 })).toBe(0);
  expect(cacheRegret(null)).toBe(0);
});
