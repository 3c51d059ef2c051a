import type { ReasoningPart } from "../model-request.ts";

type Opaque = Pick<ReasoningPart, "signature" | "redacted" | "origin">;

/** Marks what the gateway wrote, so that a provider's own encrypted content is never taken for it. */
const PREFIX = "rl1.";

/**
 * A signature or redacted thinking of another dialect, as the `encrypted_content` of a reasoning item: the client
 * sends it back with the next turn, and the provider that it came from gets it again (wire trap 15).
 */
export function wrapOpaque({ signature, redacted, origin }: Opaque): string | null {
  if (origin === "openai-responses") return redacted;
  if (signature !== null) return `${PREFIX}${origin}.s.${signature}`;
  return redacted === null ? null : `${PREFIX}${origin}.r.${redacted}`;
}

const WRAPPED = /^rl1\.(openai-chat|anthropic-messages)\.([sr])\.(.*)$/s;

/** What `wrapOpaque` wrapped; anything else is OpenAI's own. */
export function unwrapOpaque(encrypted: string | null): Opaque {
  const match = encrypted === null ? null : WRAPPED.exec(encrypted);
  const [, origin, kind, data] = match ?? [];
  if (data === undefined || (origin !== "openai-chat" && origin !== "anthropic-messages"))
    return { signature: null, redacted: encrypted, origin: "openai-responses" };
  return kind === "s"
    ? { signature: data, redacted: null, origin }
    : { signature: null, redacted: data, origin };
}

/** An id that the gateway gave to a reasoning item: the response's own part, and the place in its output. */
const OWN_ID = "rs_[0-9A-Za-z]{26,28}_\\d+";
const HAS_OWN_ID = new RegExp(`^${OWN_ID}$`);

/** Finds a request in which a reasoning item of the gateway's making may be, without reading it. */
export const OWN_REASONING = new RegExp(`"(?:${OWN_ID}"|rl1\\.)`);

/** Whether the gateway made a reasoning item, of what a backend of another dialect thought. */
export function isOwnReasoning(item: unknown): boolean {
  if (typeof item !== "object" || item === null) return false;
  const { type, id, encrypted_content } = item as Record<string, unknown>;
  if (type !== "reasoning") return false;
  if (typeof encrypted_content === "string" && encrypted_content.startsWith(PREFIX)) return true;
  return typeof id === "string" && HAS_OWN_ID.test(id);
}
