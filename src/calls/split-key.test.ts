import { describe, expect, it } from "vitest";
import { openAiChat } from "../dialects/openai-chat/client.ts";
import { splitKeyOf } from "./split-key.ts";

const bytes = (value: object) => new TextEncoder().encode(JSON.stringify(value)) as Uint8Array<ArrayBuffer>;
const image = (url: string) => ({ type: "image_url", image_url: { url } });
const text = (said: string) => ({ type: "text", text: said });

function keyOf(
  content: unknown,
  more: { session?: string; before?: object[]; after?: object[] } = {},
): string {
  const { session = null, before = [], after = [] } = more;
  const messages = [...before, { role: "user", content }, ...after];
  const request = openAiChat.parse(bytes({ model: "m", messages })).request?.();
  if (request === undefined) throw new Error("no internal form");
  return splitKeyOf(session, request);
}

describe("what a conversation's side hangs on", () => {
  it("is its session, whatever it says", () => {
    expect(keyOf("a", { session: "s" })).toBe(keyOf("b", { session: "s" }));
    expect(keyOf("a", { session: "s" })).not.toBe(keyOf("a", { session: "other" }));
  });

  it("is the whole of its first message without one: later parts and images tell conversations apart", () => {
    const ask = text("What is this?");
    const keys = [
      keyOf([ask]),
      keyOf([ask, text("It is on my desk.")]),
      keyOf([ask, image("https://example.com/a.png")]),
      keyOf([ask, image("https://example.com/b.png")]),
      keyOf([ask, image(`data:image/png;base64,${"A".repeat(9_000)}AAAA`)]),
      keyOf([ask, image(`data:image/png;base64,${"A".repeat(9_000)}BBBB`)]),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("is the same in a later turn, in a retry with another time in its prompt, and with a link that is signed anew", () => {
    const first = keyOf([text("Go"), image("https://example.com/a.png?signed=1")], {
      before: [{ role: "system", content: "It is 12:00:01." }],
    });
    const later = keyOf([text("Go"), image("https://example.com/a.png?signed=2")], {
      before: [{ role: "system", content: "It is 12:00:09." }],
      after: [
        { role: "assistant", content: "Gone." },
        { role: "user", content: "And now?" },
      ],
    });
    expect(later).toBe(first);
  });
});
