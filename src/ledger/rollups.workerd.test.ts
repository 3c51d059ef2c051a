import { applyD1Migrations, env } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { LedgerBatch } from "./batch.ts";
import { ledgerStatements } from "./d1-writer.ts";
import { finishRecord, startRecord } from "./fixtures/records.ts";
import type { CallFinish, CallStart } from "./records.ts";
import { endColumns, LOST_END, startRow } from "./row.ts";

beforeAll(() => applyD1Migrations(env.DB, env.TEST_MIGRATIONS));
beforeEach(async () => {
  await env.DB.batch([env.DB.prepare("DELETE FROM rollups_hourly"), env.DB.prepare("DELETE FROM calls")]);
});

const HOUR = 3_600_000;
const AT = 500_000 * HOUR + 17;

const call = (start: Partial<CallStart> = {}, end: Partial<CallFinish> = {}) => {
  const record = startRecord({ startedAt: AT, ...start });
  return { ...startRow(record), ...endColumns(finishRecord(record, end)) };
};

async function write(batch: Partial<LedgerBatch>): Promise<void> {
  const whole = { calls: [], endsOnly: [], attempts: [], bodies: [], readyIds: [], startedIds: [], ...batch };
  await env.DB.batch(ledgerStatements(env.DB, whole));
}

const rollups = async () =>
  (await env.DB.prepare("SELECT * FROM rollups_hourly ORDER BY hour, key_id, task, served_by").all()).results;

describe("the hours' sums", () => {
  it("add up calls of the same key, task, model and backend", async () => {
    await write({
      calls: [
        call({}, { costUsd: 0.5, servedBy: "llm/openai/m" }),
        call({}, { costUsd: 0.25, servedBy: "llm/openai/m", outcome: "cancelled" }),
        call({}, { costUsd: null, servedBy: "llm/openai/m" }),
        call({ task: "t", startedAt: AT + HOUR }),
      ],
    });
    expect(await rollups()).toEqual([
      {
        project_id: "default",
        hour: 500_000,
        key_id: "env",
        task: "",
        requested_model: "auto",
        served_by: "llm/openai/m",
        calls: 3,
        failed: 1,
        input_tokens: 36,
        cached_input_tokens: 0,
        output_tokens: 21,
        cost_usd: 0.75,
        unpriced: 1,
        latency_ms: 360,
      },
      expect.objectContaining({ hour: 500_001, task: "t", served_by: "slm/smollm2", calls: 1, unpriced: 0 }),
    ]);
  });

  it("count a call once, however often it is written", async () => {
    const ended = call();
    const running = { ...ended, ...startRow(startRecord({ id: ended.id, startedAt: AT })) };
    await write({ calls: [running] });
    expect(await rollups()).toEqual([]);
    await write({ calls: [ended] });
    await write({ calls: [ended, call()] });
    expect(await rollups()).toMatchObject([{ calls: 2 }]);
  });

  it("count an end whose start only D1 has", async () => {
    const ended = call({ task: "t" });
    const { id, ...rest } = ended;
    await write({ calls: [startRow(startRecord({ id, startedAt: AT, task: "t" }))] });
    const { outcome, endedAt, status, servedBy, reason, errorCode, latencyMs, firstByteMs } = rest;
    const { inputTokens, cachedInputTokens, outputTokens, costUsd } = rest;
    const tokens = { inputTokens, cachedInputTokens, outputTokens, costUsd };
    const end = {
      id,
      outcome,
      endedAt,
      status,
      servedBy,
      reason,
      errorCode,
      latencyMs,
      firstByteMs,
      ...tokens,
    };
    await write({ endsOnly: [end] });
    await write({ endsOnly: [end] });
    expect(await rollups()).toMatchObject([{ task: "t", calls: 1, input_tokens: 12 }]);
  });

  it("count a call that was given up on when its end comes after all, and not before", async () => {
    const ended = call();
    await write({ calls: [{ ...ended, ...LOST_END }] });
    expect(await rollups()).toEqual([]);
    await write({ calls: [ended] });
    expect(await rollups()).toMatchObject([{ calls: 1 }]);
  });

  it("have no row of their own for each word that a refused caller sends as a model", async () => {
    const refused = { outcome: "error", servedBy: null, usage: null } as const;
    await write({ calls: ["a", "b", "c"].map((requestedModel) => call({ requestedModel }, refused)) });
    expect(await rollups()).toMatchObject([{ requested_model: "", served_by: "", calls: 3, failed: 3 }]);
  });
});
