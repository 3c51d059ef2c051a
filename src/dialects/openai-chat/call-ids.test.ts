import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCallIds } from "./call-ids.ts";
import { MAX_TOOL_CALL_ID, toolCallIdOf } from "./ids.ts";

describe("createCallIds", () => {
  it("gives ids within OpenAI's limit, each its own, and always the same", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ maxLength: 3 }).map((tail) => "x".repeat(39) + tail)),
        (originals) => {
          const ids = originals.map(createCallIds());
          expect(new Set(ids).size).toBe(originals.length);
          for (const id of ids) expect(id.length).toBeLessThanOrEqual(MAX_TOOL_CALL_ID);
          const again = createCallIds();
          expect([...originals, ...originals].map((id) => again(id))).toEqual([...ids, ...ids]);
        },
      ),
    );
  });

  it("leaves ids alone that fit", () => {
    expect(["call_a", "toolu_01"].map(createCallIds())).toEqual(["call_a", "toolu_01"]);
  });
});

describe("toolCallIdOf", () => {
  it("makes ids that OpenAI takes, unlike each other, of the longest call id and of none", () => {
    const seeds = ["call_01k0000000000000000000000s12", crypto.randomUUID(), ""];
    for (const seed of seeds) {
      const ids = Array.from({ length: 300 }, (_, at) => toolCallIdOf(seed, at % 3, at));
      expect(new Set(ids).size).toBe(300);
      for (const id of ids) expect(id).toMatch(/^call_[a-zA-Z0-9_]{1,35}$/);
    }
  });
});
