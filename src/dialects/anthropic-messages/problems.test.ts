import { describe, expect, it } from "vitest";
import type { Message, ModelRequest } from "../model-request.ts";
import { assistant, testRequest, user } from "./fixtures/request.ts";
import { messagesProblems } from "./problems.ts";

const params = (more: Partial<ModelRequest>, model?: string) =>
  messagesProblems(testRequest(more), model === undefined ? undefined : { model }).map(({ param }) => param);
const said = (part: Extract<Message, { role: "user" }>["content"][number]) => ({
  messages: [{ role: "user" as const, content: [part] }],
});
const TOOL = { name: "f", description: null, parameters: null, strict: null };
const think = (effort: string) => ({ reasoning: { effort, budgetTokens: null, summary: null } });
const schema = (value: Record<string, unknown>) => ({
  format: { type: "json_schema" as const, name: "x", description: null, schema: value, strict: true },
});
const OPEN = { type: "object", additionalProperties: { type: "string" } };

describe("what no model of this dialect has", () => {
  it("takes a conversation of instructions alone, and one with an empty turn in it", () => {
    const system = { role: "system" as const, content: [{ type: "text" as const, text: "s" }] };
    expect(params({ messages: [system] })).toEqual([]);
    expect(params({ messages: [user(""), user("a")] })).toEqual([]);
  });

  it.each<[string, Partial<ModelRequest>]>([
    ["n", { n: 2 }],
    ["logprobs", { logprobs: true }],
    ["logprobs", { topLogprobs: 3 }],
    ["logit_bias", { logitBias: { 1: 1 } }],
    ["presence_penalty", { presencePenalty: 0.5 }],
    ["frequency_penalty", { frequencyPenalty: -1 }],
    ["seed", { seed: 1 }],
    ["prediction", { prediction: { type: "content", content: "x" } }],
    ["verbosity", { verbosity: "low" }],
    ["service_tier", { serviceTier: "flex" }],
    ["temperature", { temperature: 1.4 }],
    ["stop", { stop: ["END", "\n"] }],
    ["messages", { messages: [user("")] }],
    ["messages", { messages: [{ role: "system", content: [] }, user(" \n"), assistant("")] }],
    ["messages", said({ type: "audio", data: "AA", format: "wav" })],
    ["messages", said({ type: "image", source: { kind: "file", id: "file-1" } })],
    [
      "messages",
      said({ type: "file", source: { kind: "base64", mediaType: "application/zip", data: "AA" } }),
    ],
  ])("refuses %s by its name: %#", (param, more) => {
    expect(params(more)).toEqual([param]);
    const [problem] = messagesProblems(testRequest(more));
    expect(problem?.message).toContain(`\`${param}\``);
  });

  it.each<[Partial<ModelRequest>]>([
    [{ n: 1, presencePenalty: 0, frequencyPenalty: 0, logitBias: {} }],
    [{ verbosity: "medium", serviceTier: "priority", metadata: { a: "b" }, promptCacheKey: "k" }],
    [{ temperature: 1, topP: 0.5, topK: 3, stop: ["END"], user: "u" }],
    [said({ type: "file", source: { kind: "base64", mediaType: "application/pdf", data: "AA" } })],
    [said({ type: "file", source: { kind: "base64", mediaType: "text/csv", data: "AA" } })],
    [said({ type: "image", source: { kind: "url", url: "https://i" } })],
  ])("takes %j", (more) => {
    expect(params(more)).toEqual([]);
  });
});

describe("what a model has not", () => {
  it.each<[string, string, Partial<ModelRequest>]>([
    ["temperature", "claude-opus-4-7", { temperature: 0.5 }],
    ["top_p", "claude-opus-5-5", { topP: 0.5 }],
    ["top_k", "claude-sonnet-5", { topK: 5 }],
    ["top_p", "claude-sonnet-4-5", { temperature: 0.5, topP: 0.5 }],
    ["temperature", "claude-sonnet-4-5", { temperature: 0.5, maxTokens: 5_000, ...think("low") }],
    ["top_k", "claude-opus-4-6", { topK: 5, ...think("low") }],
    ["reasoning_effort", "claude-3-5-haiku-latest", think("low")],
    ["reasoning_effort", "claude-opus-5-5", think("none")],
    ["reasoning_effort", "claude-sonnet-4-5", { maxTokens: 1_000, ...think("low") }],
    ["reasoning_effort", "claude-opus-4-7", think("much")],
    ["tool_choice", "claude-opus-5-5", { tools: [TOOL], toolChoice: { type: "required" } }],
    ["tool_choice", "claude-sonnet-5-5", { tools: [TOOL], toolChoice: { type: "tool", name: "f" } }],
    ["tool_choice", "claude-opus-4-6", { tools: [TOOL], toolChoice: { type: "required" }, ...think("high") }],
    ["messages", "claude-opus-4-6", { messages: [user("q"), assistant("The answer is")] }],
    ["response_format", "claude-3-5-haiku-latest", { tools: [TOOL], ...schema({ type: "object" }) }],
    ["response_format", "claude-opus-5-5", schema(OPEN)],
    ["response_format", "claude-opus-5-5", { format: { type: "json_object" } }],
    ["response_format", "claude-sonnet-4-5", { format: { type: "json_object" }, tools: [TOOL] }],
    ["response_format", "claude-sonnet-4-5", { format: { type: "json_object" }, ...think("low") }],
    ["response_format", "claude-3-5-haiku-latest", schema({ type: "array" })],
  ])("%s at %s: %#", (param, model, more) => {
    expect(params(more)).toEqual([]);
    expect(params(more, model)).toEqual([param]);
  });

  it.each<[string, Partial<ModelRequest>]>([
    ["claude-opus-5-5", { temperature: 1, topP: 1 }],
    ["claude-opus-5-5", { tools: [TOOL], toolChoice: { type: "auto" } }],
    ["claude-opus-5-5", schema({ type: "object", properties: { a: { type: "object" } } })],
    ["claude-sonnet-5-5", think("none")],
    ["claude-sonnet-4-5", { messages: [user("q"), assistant("The answer is")] }],
    ["claude-sonnet-4-5", { temperature: 1, topP: 0.9 }],
    ["claude-sonnet-4-5", schema(OPEN)],
    ["claude-3-5-haiku-latest", schema({ type: "object" })],
    ["qwen3", { temperature: 0.2, topP: 0.9, topK: 20 }],
    ["claude-opus-4-6", { messages: [user("q"), assistant(" ")] }],
  ])("%s takes %j", (model, more) => {
    expect(params(more, model)).toEqual([]);
  });
});
