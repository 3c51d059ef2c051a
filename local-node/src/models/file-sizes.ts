import type { GgufHeader } from "./gguf/header.ts";

/** What an estimate of a model's speed and memory is made from; a catalogue's entry has it by hand. */
export interface ModelSizes {
  fileBytes: number;
  /** Weights, 8,192 tokens of context in one slot, and buffers. An estimate. */
  memoryBytes: number;
  /** Billions. */
  parametersB: number;
  /** Billions that one token reads, where that is fewer. */
  activeParametersB?: number;
}

const CONTEXT_TOKENS = 8_192;
/** Of keys and values, which are kept in 16 bits. */
const VALUE_BYTES = 2;
/** The process, what it computes in, and its two copies of a vocabulary of usual size. */
const BESIDE_BYTES = 300e6;

/** The sizes of a model, from what stands before its weights. */
export function sizesOf({ values, tensors }: GgufHeader, fileBytes: number): ModelSizes {
  const architecture = String(values.get("general.architecture"));
  const number = (key: string, fallback: number): number => {
    const value = values.get(`${architecture}.${key}`);
    return typeof value === "number" ? value : fallback;
  };
  const count = (names: RegExp): number =>
    tensors
      .filter(({ name }) => names.test(name))
      .reduce((sum, { dimensions }) => sum + dimensions.reduce((product, size) => product * size, 1), 0);
  const all = Math.max(1, count(/(?:)/));
  const idle = count(/_exps\./) * (1 - number("expert_used_count", 1) / number("expert_count", 1));

  const heads = number("attention.head_count", 1);
  const headSize = number("embedding_length", 0) / heads;
  // Where layers differ, the file has a list, and none of them has more than there are heads.
  const perToken =
    number("block_count", 0) *
    number("attention.head_count_kv", heads) *
    (number("attention.key_length", headSize) + number("attention.value_length", headSize)) *
    VALUE_BYTES;
  const contextTokens = Math.min(CONTEXT_TOKENS, number("context_length", CONTEXT_TOKENS));
  return {
    fileBytes,
    memoryBytes: Math.round(fileBytes + perToken * contextTokens + BESIDE_BYTES),
    parametersB: all / 1e9,
    ...(idle > 0 ? { activeParametersB: (all - idle) / 1e9 } : {}),
  };
}
