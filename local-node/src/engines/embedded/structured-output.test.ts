import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { complete, readChunks, startCall } from "../test-call.ts";
import { testModelPath } from "../test-model.ts";
import { createEmbeddedEngine, type EmbeddedEngine } from "./embedded.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const PERSON = {
  type: "object",
  properties: {
    name: { type: "string", pattern: "^[A-Z][a-z]{1,8}$" },
    age: { type: "integer", minimum: 0, maximum: 120 },
    tags: { type: "array", items: { enum: ["a", "b"] }, maxItems: 2 },
  },
  required: ["name", "age"],
};
const formatOf = (schema: object) => ({
  type: "json_schema",
  json_schema: { name: "person", schema, strict: true },
});
const ask = {
  messages: [{ role: "user", content: "Invent a person. Answer in JSON." }],
  temperature: 0.8,
  seed: 5,
  max_tokens: 200,
};

describe("structured output of a model", () => {
  let engine: EmbeddedEngine;
  beforeAll(async () => {
    engine = await createEmbeddedEngine({
      modelId: "smollm2",
      modelPath: await testModelPath(),
      fileSha256: "a".repeat(64),
      quantisation: "Q4_1",
      contextTokens: 1024,
    });
  });
  afterAll(() => engine.close());

  it("is told to the gateway", () => {
    expect(engine.models()[0]?.capabilities).toMatchObject({ jsonSchema: true, jsonObject: true });
  });

  it("satisfies the schema, whole and streamed, with every choice", async () => {
    const body = { ...ask, response_format: formatOf(PERSON), n: 3 };
    const whole = await complete(engine, body);
    expect(whole.choices.map(({ finish_reason }) => finish_reason)).toEqual(["stop", "stop", "stop"]);
    for (const { message } of whole.choices) {
      expect(JSON.parse(message.content ?? "")).toEqual(
        expect.objectContaining({
          name: expect.stringMatching(/^[A-Z][a-z]{1,8}$/),
          age: expect.any(Number),
        }),
      );
    }
    const chunks = readChunks(await (await startCall(engine, { ...body, stream: true })).text());
    const texts = whole.choices.map((_, index) =>
      chunks
        .flatMap(({ choices }) => choices)
        .filter((choice) => choice.index === index)
        .map(({ delta }) => delta.content ?? "")
        .join(""),
    );
    expect(texts).toEqual(whole.choices.map(({ message }) => message.content));
  });

  it("is an object for json_object", async () => {
    const { content, finishReason } = await complete(engine, {
      ...ask,
      messages: [{ role: "user", content: 'Repeat exactly: {"a": 1}' }],
      temperature: 0,
      response_format: { type: "json_object" },
    });
    expect(content).toMatch(/^\{/);
    if (finishReason === "stop") expect(JSON.parse(content)).toEqual(expect.any(Object));
  });

  it("ends although the model goes round in a loop", async () => {
    const { finishReason, content } = await complete(engine, {
      messages: [{ role: "user", content: "Repeat without end: ab ab ab ab ab ab ab ab ab ab ab ab ab ab" }],
      temperature: 0,
      max_tokens: 400,
      response_format: formatOf({
        type: "object",
        properties: { text: { type: "string" } },
        required: ["text"],
      }),
    });
    expect(finishReason).toBe("stop");
    expect(JSON.parse(content).text).toMatch(/( ?ab){10}/);
  });

  it("ends with length where the limit cuts it", async () => {
    const { finishReason, content } = await complete(engine, {
      ...ask,
      max_tokens: 3,
      response_format: formatOf(PERSON),
    });
    expect(finishReason).toBe("length");
    expect(() => JSON.parse(content)).toThrow();
  });

  const IMPOSSIBLE = formatOf({
    type: "array",
    items: { const: 1 },
    minItems: 2,
    maxItems: 2,
    uniqueItems: true,
  });

  it("fails before its head where the answer does not satisfy the schema", async () => {
    await expect(complete(engine, { ...ask, response_format: IMPOSSIBLE })).rejects.toMatchObject({
      code: "invalid_answer",
      status: 502,
      retryable: true,
    });
    expect((await complete(engine, { ...ask, response_format: formatOf(PERSON) })).finishReason).toBe("stop");
  });

  it("fails a stream in the place of its end, so that no wrong answer ends with stop", async () => {
    const call = await startCall(engine, { ...ask, stream: true, response_format: IMPOSSIBLE });
    await expect(call.text()).rejects.toMatchObject({ code: "invalid_answer" });
  });

  it("fails where a stop sequence cuts it", async () => {
    await expect(
      complete(engine, { ...ask, stop: ['"age"'], response_format: formatOf(PERSON) }),
    ).rejects.toMatchObject({ code: "invalid_answer", message: expect.stringContaining("'stop' sequences") });
  });

  it("refuses a schema that it cannot honour, and a grammar beside it", async () => {
    await expect(
      complete(engine, { ...ask, response_format: formatOf({ type: "string", pattern: "(a)\\1" }) }),
    ).rejects.toMatchObject({ code: "invalid_json_schema", status: 400, param: "response_format" });
    await expect(
      complete(engine, { ...ask, grammar: 'root ::= "a"', response_format: { type: "json_object" } }),
    ).rejects.toMatchObject({ status: 400, param: "grammar" });
  });
});
