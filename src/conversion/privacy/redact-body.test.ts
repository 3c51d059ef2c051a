import { describe, expect, it } from "vitest";
import { redactBody } from "./redact-body.ts";
import { surrogates } from "./surrogates.ts";

const by = surrogates({ seed: "a seed that nobody knows" });
const whole = (text: string) => redactBody(text, { by, whole: true });
const cut = (text: string) => redactBody(text, { by, whole: false });

const EMAIL = "jane.doe@gmail.com";
const SECRET = `ghp_${"a1B2c3D4".repeat(5).slice(0, 36)}`;

const sse = (...events: unknown[]): string =>
  `${events.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`).join("")}`;

/** The same text in pieces of some characters. */
const pieces = (text: string, size: number): string[] =>
  text.match(new RegExp(`[\\s\\S]{1,${size}}`, "g")) ?? [];

const chat = (delta: object, index = 0) => ({
  object: "chat.completion.chunk",
  choices: [{ index, delta, finish_reason: null }],
});

describe("a body that is redacted", () => {
  it("is JSON as before, with surrogates for what is private", () => {
    const body = `{ "model":"m","messages":[{"role":"user","content":"I am ${EMAIL}"}],"temperature":0.10 }`;
    const out = whole(body);
    expect(out).toBe(body.replace(EMAIL, by.text(EMAIL)));
  });

  it("has the same surrogates in the request and in a stream of any dialect", () => {
    const said = `write to ${EMAIL}, token ${SECRET}`;
    const args = JSON.stringify({ to: EMAIL, note: `line\n${SECRET}` });
    const streams = [
      sse(
        ...pieces(said, 5).map((content) => chat({ content })),
        ...pieces(args, 7).map((text) => chat({ tool_calls: [{ index: 0, function: { arguments: text } }] })),
        "[DONE]",
      ),
      sse(
        ...pieces(said, 6).map((text) => ({
          type: "content_block_delta",
          index: 0,
          delta: { type: "text_delta", text },
        })),
        ...pieces(args, 3).map((text) => ({
          type: "content_block_delta",
          index: 1,
          delta: { type: "input_json_delta", partial_json: text },
        })),
        { type: "message_stop" },
      ),
      sse(
        ...pieces(said, 4).map((delta) => ({ type: "response.output_text.delta", output_index: 0, delta })),
        ...pieces(args, 9).map((delta) => ({
          type: "response.function_call_arguments.delta",
          output_index: 1,
          delta,
        })),
        {
          type: "response.completed",
          response: { output: [{ content: [{ text: said }] }, { arguments: args }] },
        },
      ),
    ];
    for (const stream of streams) {
      const out = whole(stream);
      expect(out).toContain(JSON.stringify(by.text(said)));
      expect(out).toContain(JSON.stringify(by.text(args)));
      for (const part of ["jane", "a1B2c3D4"]) expect(out).not.toContain(part);
      expect(out.split("\n")).toHaveLength(stream.split("\n").length);
    }
  });

  it("keeps choices that come in turns apart", () => {
    const stream = sse(
      ...pieces(EMAIL, 4).flatMap((content) => [
        chat({ content }),
        chat({ content: content.toUpperCase() }, 1),
      ]),
    );
    const out = whole(stream);
    expect(out.match(/user\.[a-z]+\d+@example\.com/g)).toHaveLength(2);
    expect(out.toLowerCase()).not.toContain("jane");
  });

  it("threat: a value must not stand in the tokens of log-probabilities", () => {
    const logprobs = {
      content: pieces(SECRET, 4).map((token) => ({ token, logprob: -1, top_logprobs: [{ token }] })),
    };
    const choice = { index: 0, message: { content: SECRET }, logprobs };
    for (const out of [
      whole(JSON.stringify({ choices: [choice] })),
      whole(sse({ choices: [{ index: 0, delta: { content: SECRET }, logprobs }] })),
    ]) {
      expect(out).not.toContain("a1B2");
      expect(out).toContain('"logprobs":null');
    }
    expect(() => cut(JSON.stringify({ choices: [choice] }))).toThrow("log-probabilities");
    // Its message is logged.
    expect(() => whole(`{"logprobs":[], ${EMAIL}`)).toThrow(/^A reply with log-probabilities is not JSON\.$/);
  });

  it("threat: the beginning of a value must not stay at the place where a body was cut", () => {
    const bodies = [
      JSON.stringify({ messages: [{ content: `I am ${EMAIL} and ${SECRET}` }], n: 6_011_000_990_139_424 }),
      JSON.stringify({ tool_calls: [{ arguments: JSON.stringify({ password: "hunter22", to: EMAIL }) }] }),
      sse(...pieces(`I am ${EMAIL} and ${SECRET}`, 3).map((content) => chat({ content }))),
      `I am ${EMAIL} and ${SECRET}`,
      `[see ${EMAIL}] {"a": ${SECRET}`,
    ];
    for (const body of bodies)
      for (let end = 0; end <= body.length; end++) {
        const out = cut(body.slice(0, end));
        for (const part of ["jane", "ghp_a", "hunt", "6011000"]) expect(out).not.toContain(part);
      }
  });

  it("is text where it is nothing else", () => {
    expect(whole(`--form\r\n\r\n${EMAIL}\r\n`)).toBe(`--form\r\n\r\n${by.text(EMAIL)}\r\n`);
    expect(whole("")).toBe("");
  });
});
