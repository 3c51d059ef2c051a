import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { chatEvent, chatReply, chatStream, EVENT_STREAM } from "./harness/chat-replies.ts";
import { endedCall } from "./harness/ended-call.ts";
import { startTestGateway, type TestGateway } from "./harness/gateway.ts";
import { startTestNode, type TestNode } from "./harness/node.ts";
import { type Reply, startUpstream, type Upstream, type UpstreamRequest } from "./harness/upstream.ts";

// `auto` with a node and the cloud: what the node's model says wrong reaches nobody, and the cloud answers instead.
const MARK = "x-test-call";
const WEATHER = {
  type: "function",
  function: {
    name: "weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, unit: { enum: ["c", "f"] } },
      required: ["city"],
    },
  },
};
const COLOUR = {
  type: "json_schema",
  json_schema: {
    name: "colour",
    schema: { type: "object", properties: { colour: { enum: ["red", "green"] } }, required: ["colour"] },
  },
};
const GOOD = { name: "weather", arguments: '{"city":"Bern"}' };

interface CallRow {
  outcome: string;
  attempts: { kind: string; error_code: string | null }[];
}

interface Called {
  name: string;
  arguments: string;
}

const json = (body: object): Reply => ({
  headers: { "content-type": "application/json" },
  steps: [{ send: JSON.stringify(body) }],
});

/** The same call whole or streamed, its arguments in pieces. */
function toolReply(call: Called, streamed: boolean, model = "engine-model"): Reply {
  const usage = { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14 };
  const id = "call_1";
  if (!streamed) {
    const message = {
      role: "assistant",
      content: null,
      tool_calls: [{ id, type: "function", function: call }],
    };
    return json({
      id: "chatcmpl-1",
      object: "chat.completion",
      created: 1,
      model,
      choices: [{ index: 0, message, finish_reason: "tool_calls" }],
      usage,
    });
  }
  const half = Math.ceil(call.arguments.length / 2);
  const pieces = [call.arguments.slice(0, half), call.arguments.slice(half)];
  const first = { index: 0, id, type: "function", function: { name: call.name, arguments: "" } };
  return {
    headers: EVENT_STREAM,
    steps: [
      { send: chatEvent({ delta: { role: "assistant", content: null, tool_calls: [first] } }) },
      ...pieces.map((text) => ({
        send: chatEvent({ delta: { tool_calls: [{ index: 0, function: { arguments: text } }] } }),
      })),
      { send: chatEvent({ delta: {}, finishReason: "tool_calls" }) },
      { send: chatEvent({ usage }) },
      { send: "data: [DONE]\n\n" },
    ],
  };
}

/** What an engine that can do tools and JSON answers to the daemon's probes. */
function probeReply(body: string): Reply {
  if (body.includes('"note"')) return toolReply({ name: "note", arguments: '{"text":"a"}' }, false);
  if (body.includes("json_schema")) return chatReply({ content: '{"colour":"red"}' });
  if (body.includes("json_object")) return chatReply({ content: "{}" });
  return chatReply({ content: "probe" });
}

const isStream = (request: UpstreamRequest) => request.body.includes('"stream":true');

let cloud: Upstream;
let engine: Upstream;
let gateway: TestGateway;
let node: TestNode;
let script: (streamed: boolean) => Reply;

beforeAll(async () => {
  cloud = await startUpstream((request) =>
    request.body.includes("json_schema")
      ? isStream(request)
        ? chatStream({ tokens: ['{"colour":', '"green"}'] })
        : chatReply({ content: '{"colour":"green"}' })
      : toolReply({ name: "weather", arguments: '{"city":"Thun"}' }, isStream(request), "gpt-5-mini"),
  );
  engine = await startUpstream((request) => {
    if (request.method === "GET")
      return json({ object: "list", data: [{ id: "engine-model", object: "model" }] });
    return request.body.includes(MARK) ? script(isStream(request)) : probeReply(request.body.toString());
  });
  gateway = await startTestGateway({ vars: { OPENAI_API_KEY: "k", OPENAI_BASE_URL: `${cloud.url}/v1` } });
  node = await startTestNode({ gateway, attach: [`${engine.url}/v1`], able: ["tools", "json_schema"] });
  await putSettings({ routing: { by_cost: false } });
});

const putSettings = (settings: object): Promise<unknown> =>
  gateway.admin("/api/settings", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(settings),
  });

afterAll(async () => {
  await node.close();
  await gateway.close();
  await engine.close();
  await cloud.close();
});

beforeEach(() => {
  script = (streamed) => toolReply(GOOD, streamed);
});

async function ask(body: object, headers: Record<string, string> = {}) {
  const response = await gateway.chat(
    { model: "auto", messages: [{ role: "user", content: "hello" }], metadata: { [MARK]: "1" }, ...body },
    { headers },
  );
  const text = await response.text();
  return {
    status: response.status,
    servedBy: response.headers.get("x-routelet-served-by"),
    reason: response.headers.get("x-routelet-reason"),
    call: response.headers.get("x-routelet-call") ?? "",
    text,
  };
}

describe.each([{ stream: false }, { stream: true }])("a node's tool call, %j", ({ stream }) => {
  it("that is right is the answer", async () => {
    const answer = await ask({ stream, tools: [WEATHER] });
    expect(answer).toMatchObject({ status: 200, servedBy: "slm/engine-model", reason: "auto-node" });
    expect(answer.text).toContain("Be");
  });

  it.each<[string, Called]>([
    ["of a tool that was not offered", { name: "wether", arguments: '{"city":"Bern"}' }],
    ["without a required argument", { name: "weather", arguments: "{}" }],
    ["with an argument of another type", { name: "weather", arguments: '{"city":7}' }],
    ["with a value outside its enum", { name: "weather", arguments: '{"city":"Bern","unit":"kelvin"}' }],
    ["with an argument that the tool has not", { name: "weather", arguments: '{"city":"Bern","day":1}' }],
  ])("%s reaches nobody: the cloud answers", async (_what, call) => {
    script = (streamed) => toolReply(call, streamed);
    const answer = await ask({ stream, tools: [WEATHER] });
    expect(answer).toMatchObject({
      status: 200,
      servedBy: "llm/openai/gpt-5-mini",
      reason: "auto-node>fallback:verification_failed",
    });
    expect(answer.text).toContain("Th");
    expect(answer.text).not.toContain("engine-model");
    const row = await endedCall<CallRow>(gateway, answer.call);
    expect(row.attempts.map(({ kind, error_code }) => [kind, error_code])).toEqual([
      ["node", "verification_failed"],
      ["cloud", null],
    ]);
  });

  it("is the answer as it comes where the node alone may answer", async () => {
    script = (streamed) => toolReply({ name: "wether", arguments: "{}" }, streamed);
    const answer = await ask({ stream, model: "slm", tools: [WEATHER] });
    expect(answer).toMatchObject({ status: 200, servedBy: "slm/engine-model" });
  });
});

describe.each([{ stream: false }, { stream: true }])("a node's JSON, %j", ({ stream }) => {
  const say = (content: string) => (streamed: boolean) =>
    streamed ? chatStream({ tokens: [...content] }) : chatReply({ content });

  it("that is as its schema says is the answer", async () => {
    script = say('{"colour": "red"}');
    expect((await ask({ stream, response_format: COLOUR })).servedBy).toBe("slm/engine-model");
  });

  it.each([
    ["prose", "The colour is red."],
    ["another value", '{"colour":"blue"}'],
    ["half of it", '{"colour"'],
  ])("that is %s reaches nobody", async (_what, content) => {
    script = say(content);
    const answer = await ask({ stream, response_format: COLOUR });
    expect(answer.reason).toBe("auto-node>fallback:verification_failed");
    expect(answer.text).toContain("green");
  });
});

describe("words", () => {
  it("beside tools are released once their beginning has come, and go on as they come", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const words = Array.from({ length: 40 }, (_, at) => `word${at} `);
    script = () => {
      const reply = chatStream({ tokens: words });
      const end = reply.steps.length - 3;
      return {
        ...reply,
        steps: [...reply.steps.slice(0, end), { waitFor: promise }, ...reply.steps.slice(end)],
      };
    };
    const response = await gateway.chat({
      model: "auto",
      stream: true,
      tools: [WEATHER],
      messages: [{ role: "user", content: "hello" }],
      metadata: { [MARK]: "1" },
    });
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(new TextDecoder().decode(first?.value)).toContain("word");
    resolve();
    expect(response.headers.get("x-routelet-served-by")).toBe("slm/engine-model");
    for (;;) if ((await reader?.read())?.done !== false) break;
  });

  it("without tools are released as they come", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    script = () => {
      const reply = chatStream({ tokens: ["one", "two"] });
      return {
        ...reply,
        steps: [
          reply.steps[0] ?? { send: "" },
          reply.steps[1] ?? { send: "" },
          { waitFor: promise },
          ...reply.steps.slice(2),
        ],
      };
    };
    const response = await gateway.chat({
      model: "auto",
      stream: true,
      messages: [{ role: "user", content: "hello" }],
      metadata: { [MARK]: "1" },
    });
    expect(response.headers.get("x-routelet-served-by")).toBe("slm/engine-model");
    resolve();
    expect(await response.text()).toContain("two");
  });

  it("that the caller's own limit cuts is no wrong answer", async () => {
    script = () =>
      json({
        id: "chatcmpl-1",
        object: "chat.completion",
        created: 1,
        model: "engine-model",
        choices: [
          { index: 0, message: { role: "assistant", content: "Once upon" }, finish_reason: "length" },
        ],
        usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
      });
    const answer = await ask({ max_tokens: 2, tools: [WEATHER] });
    expect(answer.servedBy).toBe("slm/engine-model");
  });

  it("is not checked where the settings say so", async () => {
    await putSettings({ verification: { auto: false }, routing: { by_cost: false } });
    script = (streamed) => toolReply({ name: "wether", arguments: "{}" }, streamed);
    expect((await ask({ tools: [WEATHER] })).servedBy).toBe("slm/engine-model");
  });
});

it("a task whose answers by the node go to nobody is asked of the cloud first, also once they would be right", async () => {
  await putSettings({});
  script = (streamed) => toolReply({ name: "wether", arguments: "{}" }, streamed);
  const hopeless = () => ask({ tools: [WEATHER] }, { "x-routelet-task": "hopeless" });
  const reasons: (string | null)[] = [];
  while (reasons.at(-1) !== "auto-cloud:does_not_pay" && reasons.length < 400)
    reasons.push((await hopeless()).reason);
  expect(new Set(reasons)).toEqual(
    new Set(["auto-node>fallback:verification_failed", "auto-cloud:does_not_pay"]),
  );
  script = (streamed) => toolReply(GOOD, streamed);
  expect((await hopeless()).servedBy).toBe("llm/openai/gpt-5-mini");
});
