import type { LlamaModel, Token } from "node-llama-cpp";
import { tokenSpelling } from "./binding.ts";
import { tokenBytes } from "./token-bytes.ts";

/** What the API shows of a token beside its probability. */
export interface TokenLabel {
  token: string;
  bytes: number[];
}

/** Labels are kept, since the same few thousand tokens come again; a vocabulary has up to a quarter of a million. */
const MAX_KEPT = 20_000;

/** Texts and bytes of a model's tokens, as they are in the middle of a text. */
export function createTokenLabels(model: LlamaModel): (token: Token) => TokenLabel {
  const kept = new Map<Token, TokenLabel>();
  // At the beginning of a text some tokenizers leave a space out.
  const before = model.tokenize("a");
  return (token) => {
    const known = kept.get(token);
    if (known !== undefined) return known;
    const text = model.detokenize([token], true, before);
    const label = { token: text, bytes: tokenBytes(text, tokenSpelling(model, token)) };
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(token, label);
    return label;
  };
}
