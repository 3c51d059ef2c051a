import type { ReasoningPart } from "../model-request.ts";

type Origin = ReasoningPart["origin"];

/** Marks what another provider's dialect gave us; Anthropic's own signatures are base64 and have no colon. */
const FOREIGN = /^routelet:(openai-chat|openai-responses):(.*)$/s;

/**
 * An opaque value of a reply as Anthropic's clients get it. Theirs stays as it is; another provider's is marked, so that
 * it can go back to that provider and never reaches Anthropic, which refuses what it has not signed (wire trap 15).
 */
export function carryOpaque(value: string, origin: Origin): string {
  return origin === "anthropic-messages" ? value : `routelet:${origin}:${value}`;
}

/** What came back from a client: whose it is, and the value as that provider gave it. */
export function openOpaque(value: string): { origin: Origin; value: string } {
  const match = FOREIGN.exec(value);
  if (match === null) return { origin: "anthropic-messages", value };
  return {
    origin: match[1] === "openai-responses" ? "openai-responses" : "openai-chat",
    value: match[2] ?? "",
  };
}

/** Whether Anthropic could have signed this. An empty one is what a translated reply's unsigned thinking has. */
export function mayBeGenuine(value: unknown): boolean {
  return typeof value === "string" && value !== "" && !FOREIGN.test(value);
}
