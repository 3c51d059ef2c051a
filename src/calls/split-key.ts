import type { ModelRequest } from "../dialects/model-request.ts";
import { splitKey } from "../routing/guarantee/split.ts";

/** The words that a conversation began with; its side hangs on them where it has no name. */
function firstMessage({ messages }: ModelRequest): string {
  const first = messages.find(({ role }) => role === "user");
  const text = first?.content.find((part) => part.type === "text");
  return text?.type === "text" ? text.text : "";
}

/** What a call's side of the split hangs on (`src/routing/guarantee/split.ts`), as it is drawn and as it is collected. */
export function splitKeyOf(session: string | null, request: ModelRequest): string {
  return splitKey({ session, firstMessage: firstMessage(request) });
}
