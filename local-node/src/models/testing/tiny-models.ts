import { ggufWithData, type Pair } from "./small-gguf.ts";

/** Numbers between −1 and 1 that look drawn and are always the same. */
export function drawn(count: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

const SIZE = 32;
const INNER = 64;
const HEADS = 4;
const POSITIONS = 64;

/** As WordPiece has them in GGUF: a word's beginning is marked, its continuations are not. */
const WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].concat(
  ["the", "a", "sea", "ocean", "is", "was", "blue", "deep", "tax", "form"].map((word) => `▁${word}`),
);

/** Vectors of a model that was never trained, with all that an encoder of BERT's kind has: one layer, some kilobytes. */
export function tinyEmbeddingModel(name = "tiny", pooling: "mean" | "cls" = "mean"): Buffer {
  const pairs: Pair[] = [
    ["general.architecture", "bert"],
    ["general.name", name],
    ["bert.context_length", POSITIONS],
    ["bert.embedding_length", SIZE],
    ["bert.block_count", 1],
    ["bert.feed_forward_length", INNER],
    ["bert.attention.head_count", HEADS],
    ["bert.attention.layer_norm_epsilon", { f32: 1e-12 }],
    ["bert.attention.causal", false],
    ["bert.pooling_type", { mean: 1, cls: 2 }[pooling]],
    ["tokenizer.ggml.model", "bert"],
    ["tokenizer.ggml.tokens", WORDS],
    ["tokenizer.ggml.token_type", { i32: WORDS.map((word) => (word.startsWith("[") ? 3 : 1)) }],
    ["tokenizer.ggml.token_type_count", 2],
    ["tokenizer.ggml.padding_token_id", 0],
    ["tokenizer.ggml.unknown_token_id", 1],
    ["tokenizer.ggml.cls_token_id", 2],
    ["tokenizer.ggml.bos_token_id", 2],
    ["tokenizer.ggml.seperator_token_id", 3],
    ["tokenizer.ggml.eos_token_id", 3],
    ["tokenizer.ggml.mask_token_id", 4],
  ];
  const shapes: [string, number[]][] = [
    ["token_embd.weight", [SIZE, WORDS.length]],
    ["token_types.weight", [SIZE, 2]],
    ["position_embd.weight", [SIZE, POSITIONS]],
    ...normOf("token_embd_norm"),
    ...["q", "k", "v", "output"].flatMap((part) => layerOf(`blk.0.attn_${part}`, SIZE, SIZE)),
    ...normOf("blk.0.attn_output_norm"),
    ...layerOf("blk.0.ffn_up", SIZE, INNER),
    ...layerOf("blk.0.ffn_down", INNER, SIZE),
    ...normOf("blk.0.layer_output_norm"),
  ];
  const tensors = shapes.map(([tensor, dimensions], index) => ({
    name: tensor,
    dimensions,
    data: drawn(
      dimensions.reduce((product, size) => product * size, 1),
      index + 1,
    ),
  }));
  return ggufWithData(pairs, tensors);
}

function layerOf(name: string, from: number, to: number): [string, number[]][] {
  return [
    [`${name}.weight`, [from, to]],
    [`${name}.bias`, [to]],
  ];
}

function normOf(name: string): [string, number[]][] {
  return layerOf(name, SIZE, SIZE).map(([tensor]) => [tensor, [SIZE]]);
}
