import { describe, expect, it } from "vitest";
import { NO_USAGE } from "./chat-output.ts";
import { createTextChunkRenderer, renderTextCompletion } from "./completion-output.ts";
import type { TokenLogprob } from "./logprobs.ts";

const identity = { id: "cmpl-1", created: 1, model: "m", systemFingerprint: "fp" };
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytesOf = (text: string): number[] => [...new TextEncoder().encode(text)];
const entry = (token: string, bytes = bytesOf(token), tops: [string, number][] = []): TokenLogprob => ({
  token,
  logprob: -1,
  bytes,
  top_logprobs: tops.map(([text, logprob]) => ({ token: text, logprob, bytes: bytesOf(text) })),
});

function logprobsOf(entries: TokenLogprob[]) {
  const text = entries.map(({ token }) => token).join("");
  const choices = [{ text, logprobs: entries, finishReason: "stop" as const }];
  const whole = renderTextCompletion(identity, { choices, usage: NO_USAGE });
  return JSON.parse(decode(whole)).choices[0].logprobs;
}

describe("log-probabilities of a completion", () => {
  it("are lists, with the likeliest as a map by their texts", () => {
    expect(logprobsOf([entry("a", undefined, [["a", -1]]), entry("bc")])).toEqual({
      tokens: ["a", "bc"],
      token_logprobs: [-1, -1],
      top_logprobs: [{ a: -1 }, {}],
      text_offset: [0, 1],
    });
  });

  it("tell of the likelier of two tokens with the same text", () => {
    const tops: [string, number][] = [
      ["�", -1],
      ["�", -3],
    ];
    expect(logprobsOf([entry("a", undefined, tops)]).top_logprobs).toEqual([{ "�": -1 }]);
  });

  it("count offsets in characters, also of tokens that hold a part of one", () => {
    const [first, ...rest] = bytesOf("🦉");
    const owl = [entry("�", [first ?? 0]), entry("�", rest)];
    expect(logprobsOf([entry("é"), ...owl, entry("z")]).text_offset).toEqual([0, 1, 1, 2]);
  });

  it("go on over the chunks of a stream, for each choice", () => {
    const chunks = createTextChunkRenderer(identity, false);
    chunks.text(0, "é🦉", [entry("é"), entry("🦉")]);
    chunks.text(1, "x", [entry("x")]);
    const event = decode(chunks.text(0, "z", [entry("z")]));
    expect(JSON.parse(event.slice("data: ".length)).choices[0].logprobs.text_offset).toEqual([2]);
  });
});
