import { readGgufHeaderOf } from "../gguf.ts";
import { ggufWithData, type Pair } from "./small-gguf.ts";
import { drawn } from "./tiny-models.ts";

/**
 * An adapter of rank 1 for the model at `basePath`, as llama.cpp's `convert_lora_to_gguf.py` lays it out: of each layer
 * the attention's output and the feed-forward's last step. Its numbers follow from `seed`; with `strength` 0 it changes
 * nothing.
 */
export async function testAdapter(
  basePath: string,
  options: { seed?: number; strength?: number; pairs?: Pair[]; only?: RegExp } = {},
): Promise<Buffer> {
  const { seed = 1, strength = 0.5, only = /^blk\.\d+\.(attn_output|ffn_down)\.weight$/ } = options;
  const base = await readGgufHeaderOf(basePath);
  const architecture = String(base.values.get("general.architecture"));
  const tensors = base.tensors
    .filter(({ name }) => only.test(name))
    .flatMap(({ name, dimensions: [from = 0, to = 0] }, index) => [
      { name: `${name}.lora_a`, dimensions: [from, 1], data: drawn(from, seed * 1000 + index) },
      {
        name: `${name}.lora_b`,
        dimensions: [1, to],
        data: drawn(to, seed * 7000 + index).map((value) => value * strength),
      },
    ]);
  const pairs = new Map<string, Pair[1]>([
    ["general.architecture", architecture],
    ["general.type", "adapter"],
    ["adapter.type", "lora"],
    ["adapter.lora.alpha", { f32: 1 }],
    ...(options.pairs ?? []),
  ]);
  return ggufWithData([...pairs], tensors);
}
