import type { LlamaModel } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { complete } from "../test-call.ts";
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
});
