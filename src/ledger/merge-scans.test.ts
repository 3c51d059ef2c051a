import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CallRow } from "../db/schema.ts";
import { startRecord } from "./fixtures/records.ts";
import { type CallScan, mergeScans } from "./merge-scans.ts";
import { startRow } from "./row.ts";

function row(id: string, outcome: CallRow["outcome"] = null): CallRow {
  return { ...startRow(startRecord({ id })), outcome };
}

/** A source that holds some ids and answers as D1 and the ledger objects do: `limit` rows at most, or a short look. */
function scan(options: { ids: string[]; before: string | null; limit: number; looksAt: number }): CallScan {
  const range = options.ids
    .filter((id) => options.before === null || id < options.before)
    .sort()
    .reverse();
  const seen = range.slice(0, Math.min(options.limit, options.looksAt));
  return {
    rows: seen.map((id) => row(id)),
    floor: seen.length < range.length ? (seen.at(-1) ?? null) : null,
  };
}

describe("mergeScans", () => {
  it("gives the whole list in order, none twice and none missing, page by page", () => {
    const id = fc.integer({ min: 0, max: 60 }).map((n) => `call_${String(n).padStart(3, "0")}`);
    fc.assert(
      fc.property(
        fc.array(fc.uniqueArray(id), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 9 }),
        (sources, limit, looksAt) => {
          const pages: string[] = [];
          let before: string | null = null;
          for (let page = 0; page < 200; page++) {
            const cursor: string | null = before;
            const scans = sources.map((ids) => scan({ ids, before: cursor, limit: limit + 1, looksAt }));
            const { rows, next } = mergeScans({ scans, limit });
            expect(rows.length).toBeLessThanOrEqual(limit);
            pages.push(...rows.map((call) => call.id));
            if (next === null) break;
            before = next;
          }
          expect(pages).toEqual([...new Set(sources.flat())].sort().reverse());
        },
      ),
    );
  });

  it("shows of one call what the better informed source knows", () => {
    const sources = (a: CallRow["outcome"], b: CallRow["outcome"]) => [
      { rows: [row("call_1", a)], floor: null },
      { rows: [row("call_1", b)], floor: null },
    ];
    const outcome = (a: CallRow["outcome"], b: CallRow["outcome"]) =>
      mergeScans({ scans: sources(a, b), limit: 5 }).rows.map((call) => call.outcome);
    expect(outcome(null, "done")).toEqual(["done"]);
    expect(outcome("error", null)).toEqual(["error"]);
    expect(outcome("lost", "done")).toEqual(["done"]);
    expect(outcome(null, "lost")).toEqual(["lost"]);
  });
});
