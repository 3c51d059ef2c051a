import { describe, expect, it } from "vitest";
import { addShares, whoMakesRoom } from "./make-room.ts";
import type { Share } from "./queue.ts";

const share = (key: string, waiting: number, priority: Share["priority"] = "interactive"): Share => ({
  key,
  waiting,
  priority,
});

describe("whoMakesRoom", () => {
  it.each([
    ["nobody waits more than the one that comes", [share("a", 3), share("b", 2)], "b", "interactive", null],
    ["one key has at least two more", [share("a", 4), share("b", 2)], "b", "interactive", "a"],
    ["a key that has nothing yet comes", [share("a", 2)], "b", "interactive", "a"],
    ["the busiest itself comes", [share("a", 9)], "a", "interactive", null],
    ["jobs make way for an interactive call", [share("a", 9), share("b", 1, "job")], "a", "interactive", "b"],
    ["no interactive call makes way for a job", [share("a", 9)], "b", "job", null],
    ["jobs are fair among each other", [share("a", 9), share("b", 3, "job")], "c", "job", "b"],
    ["an empty queue that may hold nothing", [], "a", "interactive", null],
  ] as const)("%s", (_name, shares, key, priority, expected) => {
    expect(whoMakesRoom(shares, { key, priority })?.key ?? null).toBe(expected);
  });

  it("counts a key over all engines", () => {
    expect(addShares([share("a", 1), share("a", 2), share("a", 3, "job")])).toEqual([
      share("a", 3),
      share("a", 3, "job"),
    ]);
  });
});
