import { describe, expect, it } from "vitest";
import type { RouteletError } from "../../errors.ts";
import type { RenderContext } from "../dialect.ts";
import { openAiEmbeddings } from "./client.ts";
import { MAX_INPUTS } from "./parse.ts";

const encode = (value: unknown) =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const parse = (body: unknown) => openAiEmbeddings.parse(encode(body));
const REQUEST = { model: "text-embedding-3-small", input: ["a", "b"] };

function refusal(body: unknown): RouteletError {
  try {
    parse(body);
  } catch (thrown) {
    return thrown as RouteletError;
  }
  throw new Error("was not refused");
}

describe("parse", () => {
  it.each([
    ["a text", "a", 1],
    ["texts", ["a", "b", "c"], 3],
    ["tokens", [1, 2, 3], 1],
    ["lists of tokens", [[1, 2], [3]], 2],
  ])("takes %s, and knows how many vectors that makes", (_name, input, count) => {
    const call = parse({ model: "m", input });
    expect(call.vectors).toEqual({ format: "float", count });
    expect(call.needs.embeddings).toBe(true);
  });

  it("changes nothing of the body but the model's name", () => {
    const text = ' {"input":"a", "model":"m","encoding_format":"base64", "dimensions": 8, "x":1.0}';
    const call = parse(text);
    expect(call.passBody("m")).toBe(text);
    expect(call.passBody("n")).toBe(text.replace('"m"', '"n"'));
    expect(call.vectors?.format).toBe("base64");
  });

  it.each([
    ["no input", { input: undefined }, "input"],
    ["an empty list", { input: [] }, "input"],
    ["an empty list of tokens", { input: [[]] }, "input[0]"],
    ["tokens that are no whole numbers", { input: [[1.5]] }, "input[0]"],
    ["texts and tokens mixed", { input: ["a", 1] }, "input[1]"],
    ["more inputs than OpenAI takes", { input: Array(MAX_INPUTS + 1).fill("a") }, "input"],
    ["dimensions of zero", { dimensions: 0 }, "dimensions"],
    ["an unknown encoding", { encoding_format: "binary" }, "encoding_format"],
    ["a stream", { stream: true }, "stream"],
  ])("refuses %s by the field's path", (_name, more, param) => {
    expect(refusal({ ...REQUEST, ...more })).toMatchObject({ code: "invalid_type", param });
  });

  it("says of an empty list that it is empty", () => {
    expect(refusal({ ...REQUEST, input: [] }).message).toBe("`input` is wrong: it must not be empty.");
  });
});

const NUMBERS = [0.5, -2];
const BASE64 = Buffer.from(new Float32Array(NUMBERS).buffer).toString("base64");
const reply = (embedding: unknown, more: object = {}) => ({
  object: "list",
  data: [{ object: "embedding", index: 0, embedding }],
  model: "served",
  usage: { prompt_tokens: 5, total_tokens: 5 },
  ...more,
});

function pass(body: unknown, format: "float" | "base64" = "float", renameModel: string | null = null) {
  const call = parse({ model: "m", input: "a", encoding_format: format });
  const context: RenderContext = { call, callId: "c", renameModel, estimatedInputTokens: 1, now: 0 };
  const bytes = encode(body);
  const whole = openAiEmbeddings.passWhole(bytes, context);
  return {
    ...whole,
    same: whole.body === bytes,
    json: () => JSON.parse(new TextDecoder().decode(whole.body)),
  };
}

describe("passWhole", () => {
  it.each([
    ["float", NUMBERS],
    ["base64", BASE64],
  ] as const)("changes no byte of a reply in %s that was asked for", (format, vector) => {
    const { same, facts } = pass(reply(vector), format);
    expect(same).toBe(true);
    expect(facts).toMatchObject({
      model: "served",
      usage: { inputTokens: 5, outputTokens: 0 },
      complete: true,
      inBandError: null,
      malformedEvents: 0,
    });
  });

  it.each([
    ["floats where base64 was asked for", NUMBERS, "base64", BASE64],
    ["base64 where floats were asked for", BASE64, "float", NUMBERS],
  ] as const)("converts %s", (_name, vector, format, wanted) => {
    expect(pass(reply(vector), format).json()).toEqual(reply(wanted));
  });

  it("shows the name that was asked for where a key's setting says so", () => {
    expect(pass(reply(NUMBERS), "float", "mine").json()).toEqual(reply(NUMBERS, { model: "mine" }));
  });

  it.each([
    ["no JSON", "<html>"],
    ["a reply of another endpoint", { choices: [] }],
    ["fewer vectors than inputs", reply(NUMBERS, { data: [] })],
    ["a vector that is none", reply([null])],
  ])("takes %s for no reply", (_name, body) => {
    expect(pass(body).facts.malformedEvents).toBe(1);
  });

  it("reads an error inside a 200", () => {
    const { facts } = pass({ error: { message: "overloaded", code: 429 } });
    expect(facts.inBandError).toMatchObject({ code: "backend_busy" });
  });
});

it("shows texts in a trace, and of tokens their number", () => {
  const shown = (input: unknown) => openAiEmbeddings.traceInput(parse({ model: "m", input }));
  expect(shown(["a", "b"])).toEqual([
    { role: "user", content: "a" },
    { role: "user", content: "b" },
  ]);
  expect(shown([[1, 2, 3]])).toEqual([{ role: "user", content: "3 tokens" }]);
});
