import { expect, it } from "vitest";
import { HealthBoard } from "./health-board.ts";

const open = (backend: string, since: number) => ({ backend, phase: "open" as const, since });
const closed = (backend: string, since: number) => ({ backend, phase: "closed" as const, since });

it("tells each isolate the latest word on every backend", () => {
  const board = new HealthBoard();
  expect(board.exchange([open("a", 1), open("b", 2)], 10)).toEqual([open("a", 1), open("b", 2)]);
  expect(board.exchange([closed("a", 5)], 10)).toEqual([open("b", 2), closed("a", 5)]);
  expect(board.exchange([open("a", 4)], 10)).toEqual([open("b", 2), closed("a", 5)]);
});

it("forgets what is old", () => {
  const board = new HealthBoard();
  board.exchange([open("a", 1)], 1);
  expect(board.exchange([], 600_002)).toEqual([]);
});

it("takes no word from the future, which nothing later could outdo", () => {
  const board = new HealthBoard();
  board.exchange([open("a", 9_000)], 10);
  expect(board.exchange([closed("a", 11)], 20)).toEqual([closed("a", 11)]);
});

it("holds a bounded number of backends", () => {
  const board = new HealthBoard();
  for (let at = 0; at < 2_000; at++) board.exchange([open(`b${at}`, at)], at);
  expect(board.exchange([], 2_000).length).toBeLessThanOrEqual(1_024);
  expect(board.exchange([], 2_000).at(-1)?.backend).toBe("b1999");
});
