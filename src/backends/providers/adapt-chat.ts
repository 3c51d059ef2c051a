import { renameTopLevelField, setTopLevelField, topLevelFields } from "../../dialects/json-splice.ts";

/** Where a provider's words for a chat request differ from OpenAI's. */
export interface ChatWords {
  /** OpenAI's name of a field, and the provider's own. */
  renames?: Readonly<Record<string, string>>;
  /** Fields that it refuses and that change nothing in the answer: left out. */
  omits?: readonly string[];
  /** `developer` is a role that it does not know: sent as `system`, which is what it means there. */
  noDeveloperRole?: boolean;
}

/** A chat request in the provider's own words. All else that it says stays as it was, character by character. */
export function adaptChat(words: ChatWords, body: string): string {
  let text = body;
  // A search in the text spares most requests the finding of their fields.
  for (const [from, to] of Object.entries(words.renames ?? {})) {
    if (text.includes(`"${from}"`)) text = renameTopLevelField(text, from, to);
  }
  for (const name of words.omits ?? []) {
    if (text.includes(`"${name}"`)) text = renameTopLevelField(text, name, null);
  }
  return words.noDeveloperRole === true && text.includes('"developer"') ? withSystemRole(text) : text;
}

function withSystemRole(text: string): string {
  const messages: unknown = JSON.parse(topLevelFields(text).get("messages") ?? "null");
  if (!Array.isArray(messages)) return text;
  const isDeveloper = (message: unknown): message is object =>
    typeof message === "object" && message !== null && "role" in message && message.role === "developer";
  if (!messages.some(isDeveloper)) return text;
  return setTopLevelField(
    text,
    "messages",
    messages.map((message: unknown) => (isDeveloper(message) ? { ...message, role: "system" } : message)),
  );
}
