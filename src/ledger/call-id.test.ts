import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstIdAt, isCallId, ledgerShards, newCallId, shardOf } from "./call-id.ts";

const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });

describe("call ids", () => {
  it("sort by time", () => {
    fc.assert(
      fc.property(time, time, (a, b) => {
        const [first, second] = [newCallId({ now: a, env: {} }), newCallId({ now: b, env: {} })];
        if (a < b) expect(first < second).toBe(true);
        if (a > b) expect(first > second).toBe(true);
      }),
    );
  });

  it("carry a shard that exists", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_024 }), (shards) => {
        const id = newCallId({ now: 1, env: { ROUTELET_LEDGER_SHARDS: String(shards) } });
        expect(isCallId(id)).toBe(true);
        expect(shardOf(id)).toBeGreaterThanOrEqual(0);
        expect(shardOf(id)).toBeLessThan(shards);
      }),
    );
  });

  it("spread over the shards", () => {
    const env = { ROUTELET_LEDGER_SHARDS: "4" };
    const shards = new Set(Array.from({ length: 200 }, () => shardOf(newCallId({ now: 1, env }))));
    expect(shards).toEqual(new Set([0, 1, 2, 3]));
  });

  it("are bounded by the first id of their millisecond", () => {
    fc.assert(
      fc.property(time, (now) => {
        const id = newCallId({ now, env: {} });
        expect(id >= firstIdAt(now)).toBe(true);
        expect(id < firstIdAt(now + 1)).toBe(true);
      }),
    );
  });

  it("are told from other texts", () => {
    for (const text of [
      "",
      "call_",
      `${newCallId({ now: 1, env: {} })}0`,
      "call_' OR 1=1 --0000000000000",
      "node_1",
    ]) {
      expect(isCallId(text)).toBe(false);
      expect(shardOf(text)).toBeNull();
    }
  });
});

describe("the number of shards", () => {
  it("is one by default and never something that is no count", () => {
    expect(ledgerShards({})).toBe(1);
    expect(ledgerShards({ ROUTELET_LEDGER_SHARDS: "" })).toBe(1);
    for (const wrong of ["0", "-1", "1.5", "many", "2000"]) {
      expect(() => ledgerShards({ ROUTELET_LEDGER_SHARDS: wrong })).toThrow("ROUTELET_LEDGER_SHARDS");
    }
  });
});
