import type { LlamaModel, Token } from "node-llama-cpp";
import type { CompletionModel } from "./prepare-completion.ts";

/** What prompts need of a model's vocabulary. */
export function createTokenizer(model: LlamaModel): CompletionModel<Token> {
  const { tokens } = model;
  const { prefix, suffix, middle } = tokens.infill;
  return {
    tokenize: (text, { continues }) => model.tokenize(text, true, continues ? "trimLeadingSpace" : undefined),
    tokenizePlain: (text) => model.tokenize(text, false, "trimLeadingSpace"),
    textOf: (ids) => model.detokenize(ids, true),
    isControl: (token) => model.isSpecialToken(token),
    bos: tokens.bos,
    eos: tokens.eos,
    prependBos: tokens.shouldPrependBosToken,
    infill: prefix === null || suffix === null || middle === null ? null : { prefix, suffix, middle },
    vocabularySize: model.fileInfo.metadata.tokenizer.ggml.tokens.length,
  };
}
