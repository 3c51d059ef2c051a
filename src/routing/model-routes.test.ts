import { describe, expect, it } from "vitest";
import { type ModelRoute, modelsFor } from "./model-routes.ts";

const FAST: ModelRoute = {
  name: "fast",
  targets: [
    { model: "openai/a", weight: 1 },
    { model: "groq/b", weight: 0 },
  ],
  fallbacks: ["claude-c", "openai/a"],
};
const models = (name: string, more: Partial<Parameters<typeof modelsFor>[0]> = {}) =>
  modelsFor({ name, routes: [FAST], fallbacks: [], conversation: null, random: () => 0.5, ...more });

describe("modelsFor", () => {
  it.each([
    ["a name without a route stands for itself", "gpt-x", [], ["gpt-x"]],
    ["an alias stands for its targets, then its fallbacks, none twice", "fast", [], ["openai/a", "claude-c"]],
    ["what every call has comes last", "fast", ["last"], ["openai/a", "claude-c", "last"]],
    ["a name without a route has them too", "gpt-x", ["last", "gpt-x"], ["gpt-x", "last"]],
  ])("%s", (_name, name, fallbacks, expected) => {
    expect(models(name, { fallbacks })).toEqual(expected);
  });

  it("gives a model fallbacks without renaming it", () => {
    expect(models("gpt-x", { routes: [{ name: "gpt-x", targets: [], fallbacks: ["claude-c"] }] })).toEqual([
      "gpt-x",
      "claude-c",
    ]);
  });

  it("keeps a conversation on its target", () => {
    const routes = [{ ...FAST, targets: ["x", "y", "z"].map((model) => ({ model, weight: 1 })) }];
    const first = models("fast", { routes, conversation: "k" })[0];
    for (let at = 0; at < 20; at++)
      expect(models("fast", { routes, conversation: "k", random: Math.random })[0]).toBe(first);
  });
});
