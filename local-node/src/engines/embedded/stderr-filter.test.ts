import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createStderrFilter, STDERR_MUTE } from "./stderr-filter.ts";

describe("createStderrFilter", () => {
  it("leaves out what stands between the markers, however the text is cut", () => {
    const text = `before\n${STDERR_MUTE.on}parse: error: root ::= secret\n${STDERR_MUTE.off}after\n`;
    fc.assert(
      fc.property(fc.array(fc.nat(text.length)), (cuts) => {
        const filter = createStderrFilter();
        const ends = [...cuts, text.length].sort((a, b) => a - b);
        const pieces = ends.map((end, index) => filter(text.slice(ends[index - 1] ?? 0, end)));
        expect(pieces.join("")).toBe("before\nafter\n");
      }),
    );
  });
});
