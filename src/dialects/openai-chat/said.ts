import { isObject, isText, type Json } from "../json.ts";

/** The text of a list of parts of one type, in which a part's text may be such a list again. */
function partsText(parts: readonly unknown[], type: "text" | "thinking"): string {
  return parts
    .filter((part): part is Json => isObject(part) && (part.type ?? "text") === type)
    .map((part) => {
      const text = part[type];
      if (typeof text === "string") return text;
      return Array.isArray(text) ? partsText(text, "text") : "";
    })
    .join("");
}

/** What a message or a delta says, in words and in thought. */
export interface Said {
  text: string;
  reasoning: string;
}

/**
 * Reads a message or a delta. Content is a string at OpenAI; Mistral sends a list of parts, its thoughts among them.
 * Reasoning is `reasoning_content` at DeepSeek, llama.cpp and others, `reasoning` at OpenRouter and newer vLLM; where
 * both are there they say the same.
 */
export function readSaid({ content, reasoning_content, reasoning }: Json): Said {
  const parts = Array.isArray(content) ? content : [];
  const named = isText(reasoning_content) ? reasoning_content : reasoning;
  return {
    text: typeof content === "string" ? content : partsText(parts, "text"),
    reasoning: isText(named) ? named : partsText(parts, "thinking"),
  };
}

/** A message or a delta with its content as a string, and the thoughts that stood in it apart; the same one where it was. */
export function withTextContent(said: Json): Json {
  if (!Array.isArray(said.content)) return said;
  const { text, reasoning } = readSaid(said);
  const { content: _, ...rest } = said;
  return {
    ...rest,
    ...(text === "" && reasoning !== "" ? {} : { content: text }),
    ...(reasoning === "" || isText(said.reasoning) ? {} : { reasoning_content: reasoning }),
  };
}
