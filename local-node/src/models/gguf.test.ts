import fc from "fast-check";
import { readGgufFileInfo } from "node-llama-cpp";
import { describe, expect, test } from "vitest";
import { readGguf, readGgufFile } from "./gguf.ts";
import { ModelError } from "./model-error.ts";
import { starterModelPath } from "./starter-model.ts";
import { smallGguf } from "./testing/small-gguf.ts";

function read(bytes: Uint8Array) {
  return readGguf(async (position, length) => bytes.subarray(position, position + length));
}

describe("the header of a GGUF file", () => {
  test("of the real starter model, as node-llama-cpp reads it", async () => {
    const path = await starterModelPath();
    const ours = await readGgufFile(path);
    const theirs = await readGgufFileInfo(path, { readTensorInfo: false, logWarnings: false });
    expect(ours).toMatchObject({
      architecture: theirs.metadata.general.architecture,
      contextTokens: theirs.architectureMetadata.context_length,
      blocks: theirs.architectureMetadata.block_count,
      heads: theirs.architectureMetadata.attention?.head_count,
      hasChatTemplate: theirs.metadata.tokenizer?.chat_template !== undefined,
    });
    expect(ours).toMatchObject({ quantisation: "Q4_1", cacheBytesPerToken: 23_040 });
  }, 120_000);

  test("gives what fit needs, past long token lists", async () => {
    const summary = await read(
      smallGguf([
        ["general.architecture", "qwen3"],
        ["tokenizer.ggml.tokens", Array.from({ length: 20_000 }, (_, index) => `token-${index}`)],
        ["qwen3.context_length", 32_768],
        ["qwen3.block_count", 28],
        ["qwen3.embedding_length", 1024],
        ["qwen3.attention.head_count", 16],
        ["qwen3.attention.head_count_kv", 8],
        ["qwen3.attention.key_length", 128],
        ["qwen3.attention.value_length", 128],
        ["general.file_type", 15],
        ["tokenizer.chat_template", "{{ messages }}".repeat(2000)],
      ]),
    );
    expect(summary).toEqual({
      architecture: "qwen3",
      name: null,
      contextTokens: 32_768,
      quantisation: "Q4_K_M",
      blocks: 28,
      embedding: 1024,
      heads: 16,
      keyValueHeads: 8,
      hasChatTemplate: true,
      cacheBytesPerToken: 28 * 8 * 256 * 2,
    });
  });

  test("threat: any truncation or garbage is a clear error, never a crash or an endless read", async () => {
    const whole = smallGguf([
      ["general.architecture", "llama"],
      ["tokenizer.ggml.tokens", ["a", "b"]],
      ["general.name", "x"],
    ]);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: whole.length - 1 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: whole.length - 1 }), fc.integer({ min: 0, max: 255 })), {
          maxLength: 4,
        }),
        async (cut, flips) => {
          const bytes = Buffer.from(whole.subarray(0, flips.length > 0 ? whole.length : cut));
          for (const [at, value] of flips) bytes[at] = value;
          await read(bytes).catch((error: unknown) => expect(error).toBeInstanceOf(ModelError));
        },
      ),
      { numRuns: 300 },
    );
  });
});
