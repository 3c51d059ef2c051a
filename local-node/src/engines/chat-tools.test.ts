import { describe, expect, it } from "vitest";
import { NodeError } from "../serve/contract.ts";
import { parseChatRequest } from "./chat-request.ts";

const tool = (name: string, more: object = {}) => ({ type: "function", function: { name, ...more } });
const named = (name: string) => ({ type: "function", function: { name } });
const parse = (body: object) =>
  parseChatRequest(
    new TextEncoder().encode(
      JSON.stringify({ model: "m", messages: [{ role: "user", content: "Hello" }], ...body }),
    ),
  );

function refusal(body: object): NodeError {
  try {
    parse(body);
  } catch (error) {
    if (error instanceof NodeError) return error;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(body)}`);
}

describe("tools of a chat request", () => {
  it("are read with what they leave out", () => {
    const parameters = { type: "object", properties: { a: { type: "string" } } };
    expect(
      parse({
        tools: [
          tool("f", { description: "Does it.", parameters, strict: true }),
          tool("g", { strict: null }),
        ],
      }).tools,
    ).toEqual({
      tools: [
        { name: "f", description: "Does it.", parameters, strict: true },
        { name: "g", description: "", parameters: { type: "object", properties: {} }, strict: false },
      ],
      choice: { mode: "auto", allowed: ["f", "g"] },
      parallel: true,
    });
  });

  it.each([
    ["none", { mode: "none", allowed: ["f", "g"] }],
    ["auto", { mode: "auto", allowed: ["f", "g"] }],
    ["required", { mode: "required", allowed: ["f", "g"] }],
    [named("g"), { mode: "required", allowed: ["g"] }],
    [
      { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [named("g"), named("g")] } },
      { mode: "auto", allowed: ["g"] },
    ],
    [
      { type: "allowed_tools", allowed_tools: { mode: "required", tools: [named("f")] } },
      { mode: "required", allowed: ["f"] },
    ],
  ])("are chosen by tool_choice %j", (choice, expected) => {
    const { tools } = parse({
      tools: [tool("f"), tool("g")],
      tool_choice: choice,
      parallel_tool_calls: false,
    });
    expect(tools.choice).toEqual(expected);
    expect(tools.parallel).toBe(false);
  });

  it.each([
    ["tools[1].function.name", { tools: [tool("f"), tool("f")] }],
    ["tools[0].function.name", { tools: [tool("")] }],
    ["tools[0].function.parameters", { tools: [tool("f", { parameters: "none" })] }],
    ["tool_choice", { tools: [tool("f")], tool_choice: named("g") }],
    ["tool_choice", { tool_choice: "required" }],
    ["tool_choice", { tools: [tool("f")], tool_choice: "any" }],
    ["grammar", { tools: [tool("f")], grammar: 'root ::= "x"' }],
  ])("are refused where they do not fit together: %s", (param, body) => {
    expect(refusal(body)).toMatchObject({ status: 400, code: "invalid_value", param });
  });

  it.each([
    ["tools[0]", { tools: [{ type: "web_search" }] }],
    ["tool_choice", { tools: [tool("f")], tool_choice: { type: "custom", custom: { name: "f" } } }],
  ])("are refused where no local model has such: %s", (param, body) => {
    expect(refusal(body)).toMatchObject({ status: 400, code: "unsupported_parameter", param });
  });
});
