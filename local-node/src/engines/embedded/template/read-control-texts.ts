import type { LlamaModel } from "node-llama-cpp";

/**
 * What callers must not be able to write. Tokens that a model's makers added as ordinary ones count where the
 * template writes them (`<tool_call>`, `<think>`); others are runs of spaces, HTML tags and the like.
 */
export function readControlTexts(model: LlamaModel, templateSource: string): string[] {
  return [...model.iterateAllTokens()].flatMap((token) => {
    const attributes = model.getTokenAttributes(token);
    if (!attributes.control && !attributes.userDefined && !attributes.unknown) return [];
    const text = model.detokenize([token], true);
    const structural = /\S/.test(text) && templateSource.includes(text);
    return attributes.userDefined && !structural ? [] : [text];
  });
}

/** Texts of the tokens that end a reply. */
export function readEndTexts(model: LlamaModel): string[] {
  return [...model.iterateAllTokens()]
    .filter((token) => model.isEogToken(token))
    .map((token) => model.detokenize([token], true))
    .filter((text) => text !== "");
}
