import { describe, expect, it } from "vitest";
import type { Message } from "../model-request.ts";
import { called, NEW, render, result, user } from "./fixtures/request.ts";
import { closeObjects } from "./plan-format.ts";

const TOOL = { name: "f", description: "d", parameters: { type: "object" }, strict: null };

describe("reasoning", () => {
  const think = (effort: string | null, more: object = {}) => ({
    reasoning: { effort, budgetTokens: null, summary: null, ...more },
  });
  it.each([
    ["minimal", 1_024],
    ["low", 2_048],
    ["medium", 8_192],
    ["high", 24_000],
    ["xhigh", 32_000],
  ])("%s is a budget of %i where a model has budgets", (effort, budget) => {
    expect(render(think(effort)).thinking).toEqual({ type: "enabled", budget_tokens: budget });
  });

  it("keeps the budget below the limit, which it is a part of", () => {
    expect(render({ maxTokens: 5_000, ...think("high") })).toMatchObject({
      max_tokens: 5_000,
      thinking: { budget_tokens: 4_000 },
    });
    expect(render({ maxTokens: 1_100, ...think("high") }).thinking).toMatchObject({ budget_tokens: 1_024 });
    expect(render(think(null, { budgetTokens: 3_000 })).thinking).toMatchObject({ budget_tokens: 3_000 });
  });

  it.each([
    ["minimal", "low"],
    ["low", "low"],
    ["medium", "medium"],
    ["high", "high"],
    ["xhigh", "xhigh"],
  ])("%s is the level %s where a model adapts", (effort, level) => {
    expect(render(think(effort), NEW)).toMatchObject({
      thinking: { type: "adaptive" },
      output_config: { effort: level },
    });
  });

  it("takes the nearest level below the dearest", () => {
    expect(render(think("xhigh"), "claude-opus-4-6").output_config).toEqual({ effort: "high" });
  });

  it("shows the thinking where a summary was asked for", () => {
    expect(render(think("low", { summary: "auto" }), NEW).thinking).toEqual({
      type: "adaptive",
      display: "summarized",
    });
  });

  it.each([
    ["claude-sonnet-4-5", undefined],
    ["claude-opus-4-8", { type: "disabled" }],
    ["claude-sonnet-5-5", { type: "between_tools" }],
  ])("turns thinking off at %s", (model, thinking) => {
    expect(render(think("none"), model).thinking).toEqual(thinking);
  });

  it("goes on without thinking in a tool loop whose thinking the client's dialect has lost", () => {
    const loop = [user("q"), called("t"), result("t", "x")];
    expect(render({ tools: [TOOL], messages: loop, ...think("low") }).thinking).toBeUndefined();
    const signed: Message = {
      role: "assistant",
      content: [
        { type: "reasoning", text: "hm", signature: "EqQB", redacted: null, origin: "anthropic-messages" },
        { type: "tool_call", id: "t", name: "f", arguments: "{}" },
      ],
    };
    const kept = [user("q"), signed, result("t", "x")];
    expect(render({ tools: [TOOL], messages: kept, ...think("low") }).thinking).toBeDefined();
  });
});

describe("response formats", () => {
  const format = (schema: Record<string, unknown>) => ({
    format: { type: "json_schema" as const, name: "x", description: "the answer", schema, strict: true },
  });
  const POINT = { type: "object", properties: { x: { type: "number" } }, required: ["x"] };

  it("is the API's own where the model has it, every object closed as it demands", () => {
    expect(render(format(POINT)).output_config).toEqual({
      format: { type: "json_schema", schema: { ...POINT, additionalProperties: false } },
    });
  });

  it("is a tool that must be called where the model has not, or the schema is open", () => {
    expect(render(format(POINT), "qwen3")).toMatchObject({
      tools: [{ name: "respond_with_json", description: "the answer", input_schema: POINT }],
      tool_choice: { type: "tool", name: "respond_with_json" },
    });
    expect(render(format({ type: "object", additionalProperties: true }))).not.toHaveProperty(
      "output_config",
    );
    expect(render({ format: { type: "json_object" } })).toMatchObject({
      tool_choice: { type: "tool", name: "respond_with_json" },
    });
  });

  it("closes objects wherever a schema may stand, and nowhere else", () => {
    const inner = { type: "object", properties: { type: { type: "string" } } };
    const closed = { ...inner, additionalProperties: false };
    expect(
      closeObjects({
        $defs: { a: inner },
        anyOf: [{ $ref: "#/$defs/a" }, { type: "array", items: inner }],
        enum: [{ properties: {} }],
      }),
    ).toEqual({
      $defs: { a: closed },
      anyOf: [{ $ref: "#/$defs/a" }, { type: "array", items: closed }],
      enum: [{ properties: {} }],
    });
    expect(closeObjects({ type: "array", items: { type: "object", additionalProperties: {} } })).toBeNull();
  });
});
