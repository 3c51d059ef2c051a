import { describe, expect, it } from "vitest";
import { mayRepeat } from "./may-repeat.ts";

describe("mayRepeat", () => {
  it.each([
    ["reading", { method: "GET", family: "files", status: 500 }, true],
    ["deleting", { method: "DELETE", family: "files", status: null }, true],
    ["what keeps nothing", { method: "POST", family: "images", status: null }, true],
    [
      "what makes something, of which it is not known whether it was made",
      { method: "POST", family: "batches", status: 500 },
      false,
    ],
    ["the same, cut off", { method: "POST", family: "fine_tuning", status: null }, false],
    ["the same, turned away", { method: "POST", family: "batches", status: 429 }, true],
    [
      "a file that was sent unread",
      { method: "POST", family: "files", status: 429, replayable: false },
      false,
    ],
  ] as const)("%s", (_name, request, expected) => {
    expect(mayRepeat({ replayable: true, ...request })).toBe(expected);
  });
});
