import { applyD1Migrations, env } from "cloudflare:test";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { downD1 } from "../db/fixtures/down-d1.ts";
import type { CallRow } from "../db/schema.ts";
import { type CallFilter, matchesFilter } from "./call-filter.ts";
import { type CallListQuery, listCalls } from "./calls-query.ts";
import { finishRecord, startRecord } from "./fixtures/records.ts";
import { readCall } from "./read-call.ts";
import { endColumns, startRow } from "./row.ts";
import { ledgerShard } from "./shards.ts";

const OUTCOMES = ["done", "error", "deadline", "cancelled"] as const;
const T0 = Math.floor(Date.now() / 1_000) * 1_000 - 60_000;
const all: CallRow[] = [];

/** 120 calls of every kind, the first 90 in D1 and the others in the ledger object only; some still run. */
beforeAll(async () => {
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  const ledger = ledgerShard(env, 0);
  for (let index = 0; index < 120; index++) {
    const start = startRecord({
      startedAt: T0 + Math.floor(index / 3) * 1_000,
      projectId: index % 7 === 0 ? "other" : "default",
      requestedModel: index % 2 ? "auto" : "gpt-5-mini",
      task: index % 4 ? null : "extract",
      session: index % 5 ? null : `s${index % 3}`,
      keyId: index % 6 ? "env" : "key_1",
    });
    await ledger.start(start);
    const finish = finishRecord(start, {
      outcome: OUTCOMES[index % 4],
      status: index % 4 ? 502 : 200,
      servedBy: [null, "slm/smollm2", "slm/qwen3", "llm/openai/gpt-5-mini"][index % 4] ?? null,
    });
    const runs = index >= 90 && index % 10 === 0;
    if (!runs) await ledger.finish([{ finish, start: null }]);
    all.push(runs ? startRow(start) : { ...startRow(start), ...endColumns(finish) });
    if (index === 89) await ledger.flush();
  }
  all.sort((a, b) => (a.id < b.id ? 1 : -1));
});

async function pages(query: CallListQuery): Promise<CallRow[]> {
  const rows: CallRow[] = [];
  let before: string | undefined;
  for (;;) {
    const page = await listCalls({ env, query: { ...query, before } });
    expect(page.rows.length).toBeLessThanOrEqual(query.limit);
    expect(page.complete).toBe(true);
    rows.push(...page.rows);
    if (page.next === null) return rows;
    before = page.next;
  }
}

describe("the list of calls", () => {
  it("is, page by page, exactly the matching calls in order, for any filter and page size", async () => {
    const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
    const filters = fc.record({
      projectId: fc.constantFrom("default", "other"),
      model: maybe(fc.constantFrom("auto", "gpt-5-mini")),
      servedBy: maybe(fc.constantFrom("slm/", "slm/q", "llm/openai/", "SLM/", "%")),
      outcome: maybe(fc.constantFrom(...OUTCOMES, "running" as const)),
      status: maybe(fc.constantFrom(200, 502)),
      tasks: maybe(fc.constantFrom(["extract"], ["extract", "none such"], [])),
      session: maybe(fc.constantFrom("s0", "s1")),
      keyId: maybe(fc.constantFrom("env", "key_1")),
    });
    const range = fc.record({
      since: maybe(fc.integer({ min: T0 - 1_000, max: T0 + 41_000 })),
      until: maybe(fc.integer({ min: T0 - 1_000, max: T0 + 41_000 })),
      limit: fc.integer({ min: 7, max: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(filters, range, async (filter: CallFilter, { since, until, limit }) => {
        const expected = all.filter(
          (row) =>
            matchesFilter(row, filter) &&
            (since === undefined || row.startedAt >= since) &&
            (until === undefined || row.startedAt < until),
        );
        expect(await pages({ ...filter, since, until, limit })).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  it("shows a call once, as it ended, that D1 still has as running", async () => {
    const start = startRecord({ startedAt: Date.now() - 10_000, session: "twice" });
    const ledger = ledgerShard(env, 0);
    await ledger.start(start);
    await ledger.flush();
    const inD1 = await env.DB.prepare("SELECT outcome FROM calls WHERE id = ?").bind(start.id).first();
    expect(inD1).toEqual({ outcome: null });
    await ledger.finish([{ finish: finishRecord(start), start: null }]);
    const query = { projectId: "default", session: "twice", limit: 10 };
    const { rows } = await listCalls({ env, query });
    expect(rows.map((row) => [row.id, row.outcome])).toEqual([[start.id, "done"]]);
    expect((await listCalls({ env, query: { ...query, outcome: "running" } })).rows).toEqual([]);
  });

  it("uses the index of the project, so that a page reads its own rows only", async () => {
    const plan = await env.DB.prepare(
      "EXPLAIN QUERY PLAN SELECT * FROM calls WHERE project_id = 'default' AND id < 'call_z' ORDER BY id DESC LIMIT 50",
    ).all<{ detail: string }>();
    const details = plan.results.map((step) => step.detail).join("; ");
    expect(details).toContain("calls_by_project (project_id=? AND id<?)");
    expect(details).not.toContain("TEMP B-TREE");
  });
});

describe("a call by its id", () => {
  it("is found before D1 has it, and with D1 down", async () => {
    const start = startRecord();
    const ledger = ledgerShard(env, 0);
    await ledger.start(start);
    const down = { ...env, DB: downD1() };
    expect(await readCall({ env: down, id: start.id, withBodies: false })).toMatchObject({
      call: { id: start.id, outcome: null },
      attempts: [],
    });
    await ledger.finish([{ finish: finishRecord(start), start: null }]);
    const buffered = await readCall({ env: down, id: start.id, withBodies: false });
    expect(buffered).toMatchObject({
      call: { outcome: "done" },
      attempts: [{ projectId: "default", seq: 1 }],
    });

    await ledger.flush();
    expect(await readCall({ env, id: start.id, withBodies: false })).toEqual(buffered);
    await expect(readCall({ env: down, id: start.id, withBodies: false })).rejects.toMatchObject({
      code: "calls_unavailable",
    });
  });

  it("is null for what is no call", async () => {
    expect(await readCall({ env, id: "call_x", withBodies: false })).toBeNull();
    expect(await readCall({ env, id: startRecord().id, withBodies: false })).toBeNull();
  });
});
