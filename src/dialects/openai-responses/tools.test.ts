import type OpenAI from "openai";
import { describe, expect, it } from "vitest";
import type { RenderContext } from "../dialect.ts";
import type { ReplyEvent } from "../reply.ts";
import { parseResponsesCall } from "./parse.ts";
import { openResponseRenderer } from "./render.ts";
import { customInput } from "./tools.ts";

const GRAMMAR = { type: "grammar", syntax: "lark", definition: "start: /.+/" };
const PATCH = { type: "custom", name: "apply_patch", description: "Edits files.", format: GRAMMAR };
const AGENTS = {
  type: "namespace",
  name: "agents",
  description: "Other agents.",
  tools: [{ type: "function", name: "close", description: "Ends one.", parameters: { type: "object" } }],
};
const SEARCH = {
  type: "tool_search",
  execution: "client",
  description: "Finds tools.",
  parameters: { type: "object", properties: { query: { type: "string" } } },
};

const parse = (body: object) =>
  parseResponsesCall(
    new TextEncoder().encode(JSON.stringify({ model: "m", input: "hi", stream: true, ...body })),
  );

function request(body: object) {
  const asked = parse(body).request?.();
  if (asked === undefined) throw new Error("no request");
  return asked;
}

/** The final response and the types of all events that a stream of these events brings. */
function render(body: object, events: readonly ReplyEvent[]) {
  const context: RenderContext = {
    call: parse(body),
    callId: "call_01J0000000000000000000000000",
    renameModel: null,
    estimatedInputTokens: 1,
    now: 1_700_000_000_000,
  };
  const renderer = openResponseRenderer(context);
  const text = events.map((event) => renderer.push(event)).join("") + renderer.end();
  const said = text
    .split("\n\n")
    .filter(Boolean)
    .map((block) => JSON.parse(block.split("\n")[1]?.slice(6) ?? ""));
  const response = said.at(-1).response as OpenAI.Responses.Response;
  return { types: said.map(({ type }) => type as string), said, output: response.output };
}

const call = (name: string, written: string): ReplyEvent[] => [
  { type: "tool_call", choice: 0, index: 0, id: "t1", name },
  { type: "tool_arguments", choice: 0, index: 0, text: written.slice(0, 4) },
  { type: "tool_arguments", choice: 0, index: 0, text: written.slice(4) },
  { type: "finish", choice: 0, reason: "tool_calls", stopSequence: null },
];

describe("a custom tool", () => {
  it("is a function with one text elsewhere, and its grammar is told", () => {
    const { tools, nativeOnly } = request({ tools: [PATCH] });
    expect(nativeOnly).toEqual([]);
    expect(tools).toMatchObject([{ name: "apply_patch", parameters: { required: ["input"] } }]);
    expect(tools[0]?.description).toMatch(/^Edits files\.\n\n.*lark grammar:\nstart: \/\.\+\/$/s);
  });

  it("is called with the text itself", () => {
    const written = JSON.stringify({ input: 'a "patch"\n' });
    const { types, said, output } = render({ tools: [PATCH] }, call("apply_patch", written));
    expect(output).toMatchObject([
      {
        type: "custom_tool_call",
        call_id: "t1",
        name: "apply_patch",
        input: 'a "patch"\n',
        status: "completed",
      },
    ]);
    expect(types.filter((type) => type.includes("custom"))).toEqual([
      "response.custom_tool_call_input.delta",
      "response.custom_tool_call_input.done",
    ]);
    expect(types.join()).not.toContain("function_call");
    expect(said.map(({ sequence_number }) => sequence_number)).toEqual(said.map((_, at) => at));
  });

  it.each([
    ["JSON with the text", '{"input":"x"}', "x"],
    ["the text without JSON", "*** Begin", "*** Begin"],
    ["other JSON", '{"patch":1}', '{"patch":1}'],
    ["nothing", "{}", ""],
  ])("takes %s", (_what, written, input) => {
    expect(customInput(written)).toBe(input);
  });

  it("is seen in the history as the function that it was", () => {
    const { messages, nativeOnly } = request({
      tools: [PATCH],
      input: [
        { type: "custom_tool_call", call_id: "t1", name: "apply_patch", input: "p" },
        { type: "custom_tool_call_output", call_id: "t1", output: "done" },
      ],
    });
    expect(nativeOnly).toEqual([]);
    expect(messages).toMatchObject([
      {
        role: "assistant",
        content: [{ type: "tool_call", id: "t1", name: "apply_patch", arguments: '{"input":"p"}' }],
      },
      { role: "tool", callId: "t1", content: [{ text: "done" }] },
    ]);
  });

  it("can be forced", () => {
    expect(
      request({ tools: [PATCH], tool_choice: { type: "custom", name: "apply_patch" } }).toolChoice,
    ).toEqual({ type: "tool", name: "apply_patch" });
  });
});

describe("a namespace of tools", () => {
  it("is flat elsewhere, both ways", () => {
    const asked = request({
      tools: [AGENTS],
      input: [
        { type: "function_call", call_id: "t0", name: "close", namespace: "agents", arguments: "{}" },
        { type: "function_call_output", call_id: "t0", output: "ok" },
      ],
    });
    expect(asked.tools).toMatchObject([{ name: "agents__close", description: "Other agents.\n\nEnds one." }]);
    expect(asked.messages).toMatchObject([{ content: [{ name: "agents__close" }] }, { role: "tool" }]);
    const { output } = render({ tools: [AGENTS] }, call("agents__close", '{"id":1}'));
    expect(output).toMatchObject([
      { type: "function_call", name: "close", namespace: "agents", arguments: '{"id":1}' },
    ]);
  });

  it("is refused where a call could not be told from another tool's", () => {
    const twin = { type: "function", name: "agents__close" };
    expect(request({ tools: [twin, AGENTS] }).nativeOnly).toEqual(["tools[1].tools[0]"]);
  });
});

describe("the caller's own tool search", () => {
  it("is called like a tool, and what it found can be called afterwards", () => {
    const { output } = render({ tools: [SEARCH] }, call("tool_search", '{"query":"q"}'));
    expect(output).toMatchObject([
      {
        type: "tool_search_call",
        call_id: "t1",
        execution: "client",
        arguments: { query: "q" },
        status: "completed",
      },
    ]);
    const found = { type: "tool_search_output", call_id: "t1", execution: "client", tools: [AGENTS] };
    const input = [...output, found, { ...found, call_id: "t2" }];
    const asked = request({ tools: [SEARCH], input });
    expect(asked.nativeOnly).toEqual([]);
    expect(asked.tools.map(({ name }) => name)).toEqual(["tool_search", "agents__close"]);
    expect(asked.messages).toMatchObject([
      { role: "assistant", content: [{ name: "tool_search", arguments: '{"query":"q"}' }] },
      { role: "tool", callId: "t1", content: [{ text: expect.stringContaining("agents") }] },
      { role: "tool", callId: "t2" },
    ]);
    const later = render({ tools: [SEARCH], input }, call("agents__close", "{}"));
    expect(later.output).toMatchObject([{ type: "function_call", name: "close", namespace: "agents" }]);
  });
});

describe("hosted tools", () => {
  it("are named, alone or among others", () => {
    const tools = [
      { type: "web_search" },
      PATCH,
      { type: "tool_search" },
      { ...AGENTS, tools: [{ type: "mcp" }] },
    ];
    expect(request({ tools }).hosted).toEqual(["tools[0]", "tools[2]", "tools[3].tools[0]"]);
    expect(
      request({ input: [{ type: "tool_search_call", execution: "server", arguments: {} }] }).hosted,
    ).toEqual(["input[0]"]);
  });
});

it("notes about the client are nothing that a backend would have to honour", () => {
  expect(request({ client_metadata: { thread: "1" }, prompt_cache_key: "k" }).nativeOnly).toEqual([]);
});
