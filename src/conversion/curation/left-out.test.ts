import { expect, it } from "vitest";
import { explain } from "./left-out.ts";

it("what became of the calls is told in words, the most frequent reason first", () => {
  expect(explain({ disliked: 2, failed: 5, cut: 0 })).toBe("5 failed; 2 were disliked");
});
