import { stat } from "node:fs/promises";
import { expect, it } from "vitest";
import { findEntry } from "./catalogue.ts";
import { sizesOf } from "./file-sizes.ts";
import type { GgufHeader } from "./gguf/header.ts";
import { readGgufHeaderOf } from "./gguf.ts";
import { starterModelPath } from "./starter-model.ts";

it("are read from the starter's file, and near to what the catalogue has", async () => {
  const path = await starterModelPath();
  const { size } = await stat(path);
  const sizes = sizesOf(await readGgufHeaderOf(path), size);
  const entry = findEntry("smollm2-135m-instruct");
  expect(sizes.fileBytes / (entry?.fileBytes ?? 0)).toBeCloseTo(1, 0);
  expect(sizes.parametersB / (entry?.parametersB ?? 0)).toBeCloseTo(1, 1);
  // 30 layers, 3 heads for keys and values of 64 numbers of 2 bytes each.
  expect(sizes.memoryBytes).toBe(size + 8_192 * 30 * 3 * 128 * 2 + 300e6);
}, 120_000);

const header = (values: Record<string, number>, tensors: [string, number[]][]): GgufHeader => ({
  values: new Map<string, string | number>([["general.architecture", "moe"], ...Object.entries(values)]),
  lengths: new Map(),
  tensors: tensors.map(([name, dimensions]) => ({ name, dimensions })),
});

it("count only the experts that a token is given to", () => {
  const { parametersB, activeParametersB } = sizesOf(
    header({ "moe.expert_count": 8, "moe.expert_used_count": 2 }, [
      ["blk.0.ffn_up_exps.weight", [1000, 1000, 8]],
      ["blk.0.attn_q.weight", [1000, 1000]],
    ]),
    1,
  );
  expect(parametersB).toBeCloseTo(0.009);
  expect(activeParametersB).toBeCloseTo(0.003);
});

it("hold no more context than the model was trained for", () => {
  const values = {
    "moe.block_count": 2,
    "moe.embedding_length": 64,
    "moe.attention.head_count": 4,
    "moe.context_length": 512,
  };
  expect(sizesOf(header(values, []), 1e6).memoryBytes).toBe(1e6 + 300e6 + 512 * 2 * 4 * 32 * 2);
});
