import { type ChatIdentity, type ChatUsage, type FinishReason, renderUsage } from "./chat-output.ts";
import type { TokenLogprob } from "./logprobs.ts";

export interface CompletionChoice {
  text: string;
  /** Of the text's end, or null: not asked for. */
  logprobs: TokenLogprob[] | null;
  finishReason: FinishReason;
}

const encoder = new TextEncoder();

/** Renders OpenAI's `text_completion` object. */
export function renderTextCompletion(
  identity: ChatIdentity,
  reply: { choices: CompletionChoice[]; usage: ChatUsage },
): Uint8Array {
  return encoder.encode(
    JSON.stringify({
      ...head(identity),
      choices: reply.choices.map(({ text, logprobs, finishReason }, index) => ({
        index,
        text,
        logprobs: logprobs === null ? null : renderLogprobs(logprobs, 0),
        finish_reason: finishReason,
      })),
      usage: renderUsage(reply.usage),
    }),
  );
}

export interface TextChunkRenderer {
  text(choice: number, text: string, logprobs: TokenLogprob[] | null): Uint8Array;
  finish(choice: number, finishReason: FinishReason): Uint8Array;
  /** The usage chunk if it was asked for, and `[DONE]`. */
  end(usage: ChatUsage): Uint8Array;
}

/** Renders the stream of `text_completion` chunks as server-sent events. */
export function createTextChunkRenderer(identity: ChatIdentity, includeUsage: boolean): TextChunkRenderer {
  /** Characters of each choice so far: the offsets of the API go over the whole stream. */
  const written = new Map<number, number>();
  const event = (choices: unknown[], usage: unknown): string =>
    `data: ${JSON.stringify({ ...head(identity), choices, ...(includeUsage ? { usage } : {}) })}\n\n`;
  return {
    text(index, text, logprobs) {
      const offset = written.get(index) ?? 0;
      written.set(index, offset + charactersOf(text));
      const rendered = logprobs === null ? null : renderLogprobs(logprobs, offset);
      return encoder.encode(event([{ index, text, logprobs: rendered, finish_reason: null }], null));
    },
    finish: (index, finishReason) =>
      encoder.encode(event([{ index, text: "", logprobs: null, finish_reason: finishReason }], null)),
    end: (usage) => encoder.encode(`${includeUsage ? event([], renderUsage(usage)) : ""}data: [DONE]\n\n`),
  };
}

function head(identity: ChatIdentity) {
  return {
    id: identity.id,
    object: "text_completion",
    created: identity.created,
    model: identity.model,
    system_fingerprint: identity.systemFingerprint,
  };
}

/**
 * The older form of this API: one list for each property, and the likeliest tokens as a map by their texts, in which
 * the likelier of two with the same text stands.
 */
function renderLogprobs(entries: readonly TokenLogprob[], offset: number) {
  let characters = offset;
  return {
    tokens: entries.map(({ token }) => token),
    token_logprobs: entries.map(({ logprob }) => logprob),
    top_logprobs: entries.map(({ top_logprobs }) =>
      Object.fromEntries(top_logprobs.toReversed().map(({ token, logprob }) => [token, logprob])),
    ),
    text_offset: entries.map(({ bytes }) => {
      // A token may begin within a character, which is then the one that it is of.
      const start = isContinuation(bytes[0]) ? characters - 1 : characters;
      characters += bytes.filter((byte) => !isContinuation(byte)).length;
      return start;
    }),
  };
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** As the API counts them: by code points. */
function charactersOf(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
