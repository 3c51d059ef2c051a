import fc from "fast-check";
import { readGgufFileInfo } from "node-llama-cpp";
import { describe, expect, test } from "vitest";
import { readGguf, readGgufFile } from "./gguf.ts";
import { ModelError } from "./model-error.ts";
import { starterModelPath } from "./starter-model.ts";
import { smallGguf, text, u32, u64 } from "./testing/small-gguf.ts";

function read(bytes: Uint8Array) {
  return readGguf(async (position, length) => bytes.subarray(position, position + length), bytes.length);
}

/** A header by hand: counts, then whatever follows. */
function forged(options: { tensors?: number | bigint; pairs?: number | bigint; rest?: Buffer[] }): Buffer {
  const { tensors = 0, pairs = 1, rest = [] } = options;
  return Buffer.concat([Buffer.from("GGUF"), u32(3), u64(tensors), u64(pairs), ...rest]);
}

const LLAMA = Buffer.concat([text("general.architecture"), u32(8), text("llama")]);
const F32 = { name: "output.weight", dimensions: [8, 4], type: 0, offset: 0 };

describe("the header of a GGUF file", () => {
  test("of the real starter model, as node-llama-cpp reads it", async () => {
    const path = await starterModelPath();
    const ours = await readGgufFile(path);
    const theirs = await readGgufFileInfo(path, { readTensorInfo: false, logWarnings: false });
    expect(ours).toMatchObject({
      architecture: theirs.metadata.general.architecture,
      contextTokens: theirs.architectureMetadata.context_length,
      hasChatTemplate: theirs.metadata.tokenizer?.chat_template !== undefined,
    });
    expect(ours.quantisation).toBe("Q4_1");
  }, 120_000);

  test("is read past long token lists", async () => {
    const summary = await read(
      smallGguf([
        ["general.architecture", "qwen3"],
        ["tokenizer.ggml.tokens", Array.from({ length: 100_000 }, (_, index) => `token-${index}`)],
        ["qwen3.context_length", 32_768],
        ["general.file_type", 15],
        ["tokenizer.chat_template", "{{ messages }}".repeat(2000)],
      ]),
    );
    expect(summary).toEqual({
      architecture: "qwen3",
      name: null,
      type: "model",
      contextTokens: 32_768,
      pooling: null,
      quantisation: "Q4_K_M",
      hasChatTemplate: true,
    });
  });

  test("takes weights that end where the file ends, and finds one byte less", async () => {
    const whole = smallGguf(undefined, 8 * 4 * 4, [F32]);
    expect(await read(whole)).toMatchObject({ architecture: "llama" });
    await expect(read(whole.subarray(0, -1))).rejects.toThrow(/1 bytes are missing at its end/);
  });

  const hostile: [string, Buffer, RegExp][] = [
    ["more pairs than any model has", forged({ pairs: 2n ** 40n }), /absurdly long/],
    ["more tensors than any model has", forged({ tensors: 2n ** 40n }), /absurdly long/],
    ["a length beyond 2^53", forged({ rest: [u64(2n ** 63n)] }), /impossible length/],
    ["a key longer than the file", forged({ rest: [u64(1_000_000)] }), /ends within its header/],
    [
      "a text longer than the file",
      forged({ rest: [text("general.name"), u32(8), u64(2n ** 40n), Buffer.alloc(64)] }),
      /ends within its header/,
    ],
    [
      "a list longer than the file",
      forged({ rest: [text("a"), u32(9), u32(4), u64(5_000_000), Buffer.alloc(64)] }),
      /ends within its header/,
    ],
    [
      "a list of a thousand million texts",
      forged({ rest: [text("a"), u32(9), u32(8), u64(1e9), Buffer.alloc(64)] }),
      /absurdly long/,
    ],
    [
      "many long lists that only together are absurd",
      forged({
        pairs: 3,
        rest: ["a", "b", "c"].flatMap((key) => [text(key), u32(9), u32(0), u64(4e6), Buffer.alloc(4e6)]),
      }),
      /absurdly long/,
    ],
    [
      "lists within lists",
      forged({ rest: [text("a"), u32(9), u32(9), u64(1), u32(9), u64(1), u32(4), u64(1)] }),
      /arrays within arrays/,
    ],
    ["a value of no known type", forged({ rest: [text("a"), u32(77), u64(1)] }), /unknown type 77/],
    ["a key twice", forged({ pairs: 2, rest: [LLAMA, LLAMA] }), /a key twice/],
    ["no architecture", forged({ pairs: 0, rest: [u64(0)] }), /names no architecture/],
    ["an old version", Buffer.concat([Buffer.from("GGUF"), u32(1), u64(0), u64(0)]), /version is 1/],
    [
      "an alignment that is no power of two",
      smallGguf([
        ["general.architecture", "llama"],
        ["general.alignment", 33],
      ]),
      /alignment is 33/,
    ],
    ["a tensor twice", smallGguf(undefined, 1024, [F32, F32]), /tensor output\.weight twice/],
    ["nine dimensions", smallGguf(undefined, 64, [{ ...F32, dimensions: Array(9).fill(1) }]), /9 dimensions/],
    [
      "a tensor of exabytes",
      smallGguf(undefined, 64, [{ ...F32, dimensions: [2 ** 30, 2 ** 30] }]),
      /absurdly large/,
    ],
    ["weights beyond the end", smallGguf(undefined, 64, [{ ...F32, offset: 2 ** 40 }]), /bytes are missing/],
    ["an empty file", Buffer.alloc(0), /does not begin with GGUF/],
    [
      "a page of HTML",
      Buffer.from("<html><body>Please log in first</body></html>"),
      /does not begin with GGUF/,
    ],
  ];
  test.each(hostile)("threat: %s is refused in one line", async (_name, bytes, message) => {
    const failure = read(bytes);
    await expect(failure).rejects.toBeInstanceOf(ModelError);
    await expect(failure).rejects.toMatchObject({
      code: "not_a_model",
      message: expect.stringMatching(message),
    });
  });

  test("threat: any truncation or garbage is a clear error, never a crash or an endless read", async () => {
    const whole = smallGguf(
      [
        ["general.architecture", "llama"],
        ["tokenizer.ggml.tokens", ["a", "b"]],
        ["general.name", "x"],
      ],
      256,
      [F32],
    );
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
