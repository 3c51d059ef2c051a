import { describe, expect, it } from "vitest";
import { asked } from "../../routing/verify/fixtures/asked.ts";
import { currentVersion, NEWEST, versionOf } from "./schema-version.ts";

const tool = (parameters: Record<string, unknown>, description = "d") => ({
  name: "t",
  description,
  parameters,
});
const number = { type: "object", properties: { n: { type: "number" } } };

describe("a call's version", () => {
  const base = versionOf(asked({ tools: [tool(number)] }));

  it.each([
    ["a tool's description", asked({ tools: [tool(number, "other words")] })],
    ["what the prompt says", asked({ tools: [tool(number)], context: ["x"], request: "y" })],
  ])("does not change with %s", (_what, other) => {
    expect(versionOf(other)).toBe(base);
  });

  it.each([
    [
      "a parameter's type",
      asked({ tools: [tool({ type: "object", properties: { n: { type: "string" } } })] }),
    ],
    ["one more tool", asked({ tools: [tool(number), { ...tool(number), name: "u" }] })],
    ["no tools", asked({ tools: [] })],
    ["a form of the answer", asked({ tools: [tool(number)], format: { schema: null } })],
    ["a schema of the answer", asked({ tools: [tool(number)], format: { schema: { type: "object" } } })],
  ])("changes with %s", (_what, other) => {
    expect(versionOf(other)).not.toBe(base);
  });
});

describe("the version that a task has now", () => {
  it.each<[string, string[], string | null]>([
    ["is none without calls", [], null],
    ["is that of its one call", ["a"], "a"],
    ["is the newest that recurs", ["b", "b", "a", "a", "a"], "b"],
    ["is not that of a single experiment", ["x", "a", "a"], "a"],
    ["is the newest where none recurs", ["c", "b", "a"], "c"],
    ["is told by the newest calls alone", [..."abcdefghijklmnopqrst", "u", "u"], "a"],
  ])("%s", (_what, newestFirst, expected) => {
    expect(currentVersion(newestFirst)).toBe(expected);
  });

  it("looks at no more than it says", () => {
    const distinct = Array.from({ length: NEWEST }, (_, at) => `v${at}`);
    expect(currentVersion([...distinct, "v19"])).toBe("v0");
  });
});
