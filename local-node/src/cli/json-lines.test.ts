import { expect, test } from "vitest";
import { logsJson } from "./json-lines.ts";

test.each([
  [["join", "http://h"], true, false],
  [["run"], true, false],
  [["run", "--json"], true, true],
  [["join", "http://h"], false, true],
  [["run"], false, true],
  [["run", "--log-format", "json"], true, true],
  [["run", "--log-format=json"], true, true],
  [["run", "--log-format", "text"], false, false],
  [["status", "--json"], true, false],
  [["doctor"], false, false],
  [[], false, false],
])("%j at a terminal: %s, JSON lines: %s", (args, isTerminal, expected) => {
  expect(logsJson({ args, isTerminal })).toBe(expected);
});
