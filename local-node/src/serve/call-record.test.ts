import { expect, it } from "vitest";
import { recordOf } from "./call-record.ts";

const call = { model: "m", priority: "interactive" as const, serverSpanId: "0".repeat(16) };

it("has the numbers of a call that went well", () => {
  const phases = {
    prefillStartUs: 1_000,
    firstTokenUs: 50_000,
    endUs: 550_000,
    promptTokens: 100,
    reusedTokens: 60,
    completionTokens: 26,
  };
  expect(recordOf({ ...call, engineStartUs: 10_000, endUs: 570_000, phases, energyJoules: 12.5 })).toEqual({
    model: "m",
    priority: "interactive",
    outcome: "ok",
    queueMs: 10,
    firstTokenMs: 60,
    durationMs: 570,
    promptTokens: 100,
    reusedTokens: 60,
    completionTokens: 26,
    tokensPerSecond: 50,
    energyJoules: 12.5,
  });
});

it("does not invent what did not happen", () => {
  expect(
    recordOf({ ...call, endUs: 5_000, phases: {}, error: { code: "queue_full", message: "full" } }),
  ).toEqual({
    model: "m",
    priority: "interactive",
    outcome: "queue_full",
    queueMs: 5,
    firstTokenMs: null,
    durationMs: 5,
    promptTokens: null,
    reusedTokens: null,
    completionTokens: null,
    tokensPerSecond: null,
    energyJoules: null,
  });
});
