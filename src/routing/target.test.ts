import { describe, expect, it } from "vitest";
import { RouteletError } from "../errors.ts";
import { parseRoute, type Route, resolveTarget, type Target } from "./target.ts";

const auto = (slmId: string | null, reference: string | null): Target => ({ kind: "auto", slmId, reference });
const slm = (slmId: string | null, localOnly = false): Target => ({ kind: "slm", slmId, localOnly });
const llm = (reference: string | null): Target => ({ kind: "llm", reference });

describe("resolveTarget", () => {
  it.each<[string, Route | null, Target]>([
    ["gpt-5-mini", null, llm("gpt-5-mini")],
    ["openai/gpt-5-mini", null, llm("openai/gpt-5-mini")],
    ["auto", null, auto(null, null)],
    ["slm", null, slm(null)],
    ["slm/qwen3-4b", null, slm("qwen3-4b")],
    ["slm/Qwen/Qwen3-4B", null, slm("Qwen/Qwen3-4B")],
    ["gpt-5-mini", "auto", auto(null, "gpt-5-mini")],
    ["slm/a", "auto", auto("a", null)],
    ["auto", "auto", auto(null, null)],
    ["gpt-5-mini", "slm", slm(null)],
    ["auto", "slm", slm(null)],
    ["slm/a", "slm", slm("a")],
    ["auto", "llm", llm(null)],
    ["gpt-5-mini", "llm", llm("gpt-5-mini")],
    ["gpt-5-mini", "local-only", slm(null, true)],
    ["auto", "local-only", slm(null, true)],
    ["slm/a", "local-only", slm("a", true)],
  ])("%s with route %s", (model, route, target) => {
    expect(resolveTarget({ model, route })).toEqual(target);
  });

  it.each(["slm", "slm/a"])("refuses %s with route llm, which nothing can meet", (model) => {
    expect(() => resolveTarget({ model, route: "llm" })).toThrow(
      expect.objectContaining({ code: "impossible_route", status: 400 }),
    );
  });

  it("refuses an SLM without a name", () => {
    expect(() => resolveTarget({ model: "slm/", route: null })).toThrow(RouteletError);
  });
});

describe("parseRoute", () => {
  it("reads the words of the contract in any case, and an absent header", () => {
    expect(parseRoute(" Local-Only ")).toBe("local-only");
    expect(parseRoute(null)).toBeNull();
    expect(parseRoute("")).toBeNull();
  });

  it("refuses any other word and lists the right ones", () => {
    expect(() => parseRoute("cheap")).toThrow(/auto, llm, slm, local-only/);
  });
});
