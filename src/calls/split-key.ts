import type { InputPart, MediaSource, ModelRequest } from "../dialects/model-request.ts";
import { splitKey } from "../routing/guarantee/split.ts";

/** Of what is long, such as an image in base64, this much of both ends. */
const ENDS = 2_000;

function ends(data: string): string {
  return data.length <= 2 * ENDS ? data : `${data.slice(0, ENDS)}${data.length}${data.slice(-ENDS)}`;
}

function mediaIn(source: MediaSource | { kind: "text"; text: string }): string {
  if (source.kind === "text") return source.text;
  if (source.kind === "base64") return ends(source.data);
  // A link may be signed anew for each turn.
  return source.kind === "file" ? source.id : (source.url.split("?")[0] ?? "");
}

/** A part's own content, without what may change from turn to turn (cache marks). */
function contentOf(part: InputPart): string {
  if (part.type === "text") return part.text;
  return part.type === "audio" ? ends(part.data) : mediaIn(part.source);
}

/**
 * What a conversation began with, files and images included; its side hangs on it where it has no name. What a later
 * turn or a retry may say otherwise (the time in a system prompt) is no part of it.
 */
function firstMessage({ messages }: ModelRequest): string {
  const first = messages.find((message) => message.role === "user");
  return (first?.content ?? []).map(contentOf).join("\n");
}

/** What a call's side of the split hangs on (`src/routing/guarantee/split.ts`), as it is drawn and as it is collected. */
export function splitKeyOf(session: string | null, request: ModelRequest): string {
  return splitKey({ session, firstMessage: firstMessage(request) });
}
