import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { tinyEmbeddingModel } from "../../models/testing/tiny-models.ts";
import type { EnginePhases } from "../engine.ts";
import { startCall } from "../test-call.ts";
import { createEmbeddedEngine, type EmbeddedEngine } from "./embedded.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const SIZE = 32;

/** A model of the usual make that was never trained: what it says means nothing, but it says it as every other does. */
describe("vectors of texts", () => {
  let folder: string;
  let engine: EmbeddedEngine;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "routelet-vectors-"));
    const modelPath = join(folder, "tiny.gguf");
    await writeFile(modelPath, tinyEmbeddingModel());
    engine = await createEmbeddedEngine({
      modelId: "tiny",
      modelPath,
      fileSha256: "a".repeat(64),
      quantisation: null,
    });
  });
  afterAll(async () => {
    await engine.close();
    await rm(folder, { recursive: true });
  });
  const ask = (body: object, options: { signal?: AbortSignal; phases?: EnginePhases; path?: string } = {}) =>
    startCall(engine, body, { path: "/v1/embeddings", ...options });
  const embed = async (body: object) => JSON.parse(await (await ask(body)).text());
  const vectorsOf = async (body: object): Promise<number[][]> =>
    (await embed(body)).data.map(({ embedding }: { embedding: number[] }) => embedding);

  it("are what the model is for, by its file", () => {
    expect(engine.models()).toMatchObject([
      { id: "tiny", loaded: true, contextTokens: 64, tokensPerSecond: null },
    ]);
    const able = Object.entries(engine.models()[0]?.capabilities ?? {}).filter(([, can]) => can);
    expect(able).toEqual([["embeddings", true]]);
    expect(engine.slots()).toBe(1);
  });

  it("come in the order of the inputs, of length 1, the same for the same text in whatever company", async () => {
    const phases: EnginePhases = {};
    const reply = JSON.parse(
      await (await ask({ input: ["the sea", "the tax form", "the sea"] }, { phases })).text(),
    );
    expect(reply).toMatchObject({
      object: "list",
      model: "tiny",
      usage: { prompt_tokens: 13, total_tokens: 13 },
    });
    expect(reply.data.map(({ object, index }: { object: string; index: number }) => [object, index])).toEqual(
      [
        ["embedding", 0],
        ["embedding", 1],
        ["embedding", 2],
      ],
    );
    const [sea, tax, again] = reply.data.map(({ embedding }: { embedding: number[] }) => embedding);
    expect(sea).toHaveLength(SIZE);
    expect(Math.hypot(...sea)).toBeCloseTo(1, 5);
    expect(again).toEqual(sea);
    expect(tax).not.toEqual(sea);
    expect(await vectorsOf({ input: "the sea" })).toEqual([sea]);
    expect(phases).toMatchObject({ promptTokens: 13, endUs: expect.any(Number) });
  });

  it("depend on the words before and behind, as an encoder reads them", async () => {
    const [one, other] = await vectorsOf({ input: ["the sea is blue", "blue is the sea"] });
    expect(one).not.toEqual(other);
  });

  it("are the same of token ids, and of ids that have the begin and end tokens already", async () => {
    const [text] = await vectorsOf({ input: "the sea" });
    expect(await vectorsOf({ input: [5, 7] })).toEqual([text]);
    expect(
      await vectorsOf({
        input: [
          [2, 5, 7, 3],
          [5, 7],
        ],
      }),
    ).toEqual([text, text]);
  });

  it("come as base64 of the same floats", async () => {
    const [floats] = await vectorsOf({ input: "the sea", encoding_format: "float" });
    const { data } = await embed({ input: "the sea", encoding_format: "base64" });
    const bytes = Buffer.from(data[0].embedding, "base64");
    expect(bytes).toHaveLength(SIZE * 4);
    for (const [index, value] of (floats ?? []).entries())
      expect(bytes.readFloatLE(index * 4)).toBeCloseTo(value, 7);
  });

  it("keep control tokens in a text as text", async () => {
    const { usage } = await embed({ input: "[SEP]" });
    const [control, text] = await vectorsOf({ input: [[3], [1]] });
    expect(usage.prompt_tokens).toBeGreaterThan(2);
    expect(control).not.toEqual(text);
  });

  it.each([
    ["input", "invalid_value", { input: "" }],
    ["input", "invalid_value", { input: [] }],
    ["input", "invalid_value", { input: [1_000] }],
    ["input", "context_length_exceeded", { input: ["a", "the sea ".repeat(40)] }],
    ["dimensions", "unsupported_parameter", { input: "a", dimensions: 8 }],
    ["dimensions", "invalid_value", { input: "a", dimensions: SIZE + 1 }],
    ["encoding_format", "invalid_value", { input: "a", encoding_format: "hex" }],
    ["temperature", "unsupported_parameter", { input: "a", temperature: 0 }],
  ])("refuses a wrong %s by its name (%s)", async (param, code, body) => {
    await expect(ask(body)).rejects.toMatchObject({ status: 400, code, param });
  });

  it("have all their numbers where so many are asked for", async () => {
    expect(await vectorsOf({ input: "a", dimensions: SIZE })).toEqual(await vectorsOf({ input: "a" }));
  });

  it("are all that such a model makes", async () => {
    for (const path of ["/v1/chat/completions", "/v1/completions"]) {
      await expect(ask({ prompt: "a" }, { path })).rejects.toMatchObject({
        status: 400,
        code: "unsupported_endpoint",
        message: expect.stringContaining("/v1/embeddings"),
      });
    }
  });

  it("end when the caller leaves", async () => {
    const cancel = new AbortController();
    const call = ask({ input: Array(2_000).fill("the sea is blue") }, { signal: cancel.signal });
    cancel.abort();
    await expect(call).rejects.toMatchObject({ code: "cancelled" });
    expect(await vectorsOf({ input: "a" })).toHaveLength(1);
  });
});
