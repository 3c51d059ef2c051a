import type { LlamaModel } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { complete, readChunks, startCall } from "../test-call.ts";
import { testModelPath } from "../test-model.ts";
import { createEmbeddedEngine, type EmbeddedEngine } from "./embedded.ts";
import { testLlama } from "./template/test-bundle.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const llama = await testLlama();

describe("tools on the embedded engine with a real model", () => {
  let engine: EmbeddedEngine;
  let tokenizer: LlamaModel;
  beforeAll(async () => {
    const modelPath = await testModelPath();
    tokenizer = await llama.loadModel({ modelPath, vocabOnly: true });
    engine = await createEmbeddedEngine({
      modelId: "smollm2",
      modelPath,
      fileSha256: "a".repeat(64),
      quantisation: "Q4_1",
      contextTokens: 4096,
    });
  });
  afterAll(async () => {
    await engine.close();
    await tokenizer.dispose();
  });

  it("takes a conversation with tool calls and results, counted exactly", async () => {
    const reply = await complete(engine, {
      messages: [
        { role: "user", content: "Weather in Rome?" },
        {
          role: "assistant",
          content: null,
          tool_calls: [
            { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Rome"}' } },
          ],
        },
        { role: "tool", tool_call_id: "call_1", content: "sun" },
      ],
      temperature: 0,
      max_tokens: 1,
    });
    const prompt = [
      "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n",
      "<|im_start|>user\nWeather in Rome?<|im_end|>\n<|im_start|>assistant\n",
      '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call><|im_end|>\n',
      "<|im_start|>user\n<tool_response>\nsun\n</tool_response><|im_end|>\n<|im_start|>assistant\n",
    ].join("");
    expect(reply.usage.prompt_tokens).toBe(tokenizer.tokenize(prompt, true).length);
  });

  const weather = {
    type: "function",
    function: {
      name: "get_weather",
      description: "The weather in a city.",
      parameters: {
        type: "object",
        properties: { city: { type: "string" }, days: { type: "integer", minimum: 1, maximum: 7 } },
        required: ["city"],
      },
    },
  };
  const search = {
    type: "function",
    function: {
      name: "search.web",
      description: "Looks a text up.",
      parameters: { type: "object", properties: { query: { type: "string" } }, required: ["query"] },
    },
  };
  const asked = {
    messages: [{ role: "user", content: "What is the weather in Berlin for the next 3 days?" }],
    tools: [weather, search],
    temperature: 0,
    max_tokens: 80,
  };

  it("makes a call of one of the tools where it must, whole and streamed alike", async () => {
    const whole = await complete(engine, { ...asked, tool_choice: "required", parallel_tool_calls: false });
    expect(whole.finishReason).toBe("tool_calls");
    const [call] = whole.choices[0]?.message.tool_calls ?? [];
    expect(whole.choices[0]?.message.content).toBeNull();
    expect(["get_weather", "search.web"]).toContain(call?.function.name);
    expect(call?.id).toMatch(/^call_[0-9a-f]{24}$/);
    const args = JSON.parse(call?.function.arguments ?? "");
    expect(Object.keys(args).length).toBeGreaterThan(0);

    const streamed = await startCall(engine, {
      ...asked,
      tool_choice: "required",
      parallel_tool_calls: false,
      stream: true,
    });
    const chunks = readChunks(await streamed.text());
    const deltas = chunks.flatMap((chunk) => chunk.choices.flatMap(({ delta }) => delta.tool_calls ?? []));
    expect(deltas[0]).toMatchObject({ index: 0, type: "function", function: { name: call?.function.name } });
    expect(deltas.slice(1).every((delta) => delta.id === undefined && delta.index === 0)).toBe(true);
    expect(deltas.map((delta) => delta.function.arguments).join("")).toBe(call?.function.arguments);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("tool_calls");
  });

  it("calls the tool that is named, with arguments that satisfy its schema", async () => {
    const reply = await complete(engine, {
      ...asked,
      temperature: 1,
      n: 3,
      seed: 1,
      tool_choice: { type: "function", function: { name: "get_weather" } },
      parallel_tool_calls: false,
    });
    for (const { message, finish_reason } of reply.choices) {
      if (finish_reason === "length") continue;
      expect(message.tool_calls).toHaveLength(1);
      const [call] = message.tool_calls ?? [];
      expect(call?.function.name).toBe("get_weather");
      const { city, days, ...others } = JSON.parse(call?.function.arguments ?? "");
      expect(typeof city).toBe("string");
      expect(others).toEqual({});
      if (days !== undefined) expect([1, 2, 3, 4, 5, 6, 7]).toContain(days);
    }
  });

  it("calls by itself once the conversation shows how", async () => {
    const { function: of } = weather;
    const simple = {
      type: "function",
      function: {
        ...of,
        parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
      },
    };
    const earlier = ["Paris", "Rome", "Oslo"].flatMap((city, index) => [
      { role: "user", content: `What is the weather in ${city}?` },
      {
        role: "assistant",
        content: null,
        tool_calls: [
          {
            id: `call_${index}`,
            type: "function",
            function: { name: "get_weather", arguments: JSON.stringify({ city }) },
          },
        ],
      },
      { role: "tool", tool_call_id: `call_${index}`, content: "Sunny." },
      { role: "assistant", content: `It is sunny in ${city}.` },
    ]);
    const reply = await complete(engine, {
      ...asked,
      tools: [simple],
      messages: [...earlier, { role: "user", content: "What is the weather in Berlin?" }],
    });
    expect(reply.finishReason).toBe("tool_calls");
    expect(reply.choices[0]?.message.tool_calls).toEqual([
      {
        id: expect.stringMatching(/^call_/),
        type: "function",
        function: { name: "get_weather", arguments: '{"city": "Berlin"}' },
      },
    ]);
  });

  it("says length of a call that was cut off, and gives what came", async () => {
    const reply = await complete(engine, { ...asked, tool_choice: "required", max_tokens: 14 });
    expect(reply.finishReason).toBe("length");
    expect(reply.content).toBe("");
  });

  it("makes no call where none is wanted", async () => {
    const reply = await complete(engine, { ...asked, tool_choice: "none", max_tokens: 30 });
    expect(reply.choices[0]?.message.tool_calls).toBeUndefined();
    expect(reply.content).not.toBe("");
    expect(reply.content).not.toContain("<tool_call>");
  });

  it("tells the model of the tools, counted in its prompt", async () => {
    const without = await complete(engine, { ...asked, tools: [], max_tokens: 1 });
    const one = await complete(engine, { ...asked, tools: [search], max_tokens: 1 });
    expect(one.usage.prompt_tokens).toBeGreaterThan(without.usage.prompt_tokens + 60);
  });

  it("answers in the wanted format or with a call, whichever the choice allows", async () => {
    const format = {
      type: "json_schema",
      json_schema: {
        name: "a",
        strict: true,
        schema: {
          type: "object",
          properties: { ok: { type: "boolean" } },
          required: ["ok"],
          additionalProperties: false,
        },
      },
    };
    const answer = await complete(engine, { ...asked, tool_choice: "none", response_format: format });
    expect(JSON.parse(answer.content)).toEqual({ ok: expect.any(Boolean) });
    const call = await complete(engine, {
      ...asked,
      tool_choice: "required",
      response_format: format,
      parallel_tool_calls: false,
    });
    expect(call.finishReason).toBe("tool_calls");
  });

  it("refuses a strict tool whose schema it cannot hold to, and thoughts of a model that has none", async () => {
    const strict = {
      type: "function",
      function: {
        name: "f",
        strict: true,
        parameters: {
          type: "object",
          properties: { a: { type: "string", pattern: "(?=x)" } },
          required: ["a"],
        },
      },
    };
    await expect(complete(engine, { ...asked, tools: [strict] })).rejects.toMatchObject({
      status: 400,
      code: "invalid_json_schema",
    });
    await expect(complete(engine, { ...asked, reasoning_effort: "high" })).rejects.toMatchObject({
      status: 400,
      code: "unsupported_parameter",
      param: "reasoning_effort",
    });
    const fine = await complete(engine, { ...asked, reasoning_effort: "none", max_tokens: 1 });
    expect(fine.usage.completion_tokens).toBe(1);
  });
});
