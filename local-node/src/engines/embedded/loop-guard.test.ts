import { describe, expect, it } from "vitest";
import { createLoopGuard } from "./loop-guard.ts";

/** Tokens of a test are their own texts. */
function closersAfter(...tokens: readonly string[]): readonly string[] {
  const guard = createLoopGuard((text) => text);
  for (const token of tokens) guard.push(token, token);
  return guard.closers();
}
const times = (count: number, ...tokens: readonly string[]): string[] =>
  Array.from({ length: count }).flatMap(() => tokens);

describe("a model that repeats itself", () => {
  it("within a string is made to close it", () => {
    expect(closersAfter('{"', "a", '":"', ...times(48, "12"))).toEqual([]);
    expect(closersAfter('{"', "a", '":"', ...times(49, "12"))).toEqual(['"']);
    expect(closersAfter('{"', "a", '":"', ...times(17, "x", "-", "y"))).toEqual(['"']);
  });

  it("across values is made to close them, later", () => {
    const zeros = (count: number) => ["[", ...times(count, "0", ",")];
    expect(closersAfter(...zeros(80))).toEqual([]);
    expect(closersAfter(...zeros(82))).toEqual(["]", "}"]);
    expect(closersAfter("[", ...times(41, '"', "a", '"', ","))).toEqual(["]", "}"]);
    expect(closersAfter("[", ...times(41, '"', "a", '"', ","), '"', "a")).toEqual(['"']);
  });

  it("is left alone between a backslash and what it escapes", () => {
    expect(closersAfter('"', ...times(60, "\\", "n"))).toEqual(['"']);
    expect(closersAfter('"', ...times(60, "\\", "n"), "\\")).toEqual([]);
    expect(closersAfter('"', ...times(60, '\\"'))).toEqual(['"']);
  });

  it("is free again once it wrote something else", () => {
    expect(closersAfter('"', ...times(60, "a"), "b")).toEqual([]);
    expect(closersAfter('"', ...times(60, "a"), '"')).toEqual([]);
  });

  it("is left alone where the model has no token for the end", () => {
    const guard = createLoopGuard<string>(() => null);
    for (const token of ['"', ...times(60, "a")]) guard.push(token, token);
    expect(guard.closers()).toEqual([]);
  });
});

it("does not take ordinary texts for loops", () => {
  const words = Array.from({ length: 2_000 }, (_, index) => `w${(index * index) % 997}`);
  expect(closersAfter('"', ...words)).toEqual([]);
});
