import { describe, expect, it } from "vitest";
import { parseCompletionRequest } from "../completion-request.ts";
import { type CompletionModel, prepareCompletion } from "./prepare-completion.ts";

/** Each character is a token, but `<` to `>` are one control token by the length of their name. */
const model: CompletionModel<number> = {
  tokenize: (text) =>
    [...text.matchAll(/<(\w+)>|./g)].map(([all, name]) =>
      name === undefined ? all.charCodeAt(0) : name.length,
    ),
  tokenizePlain: (text) => [...text].map((character) => character.charCodeAt(0)),
  textOf: (tokens) => tokens.map((token) => String.fromCharCode(token)).join(""),
  isControl: (token) => token < 32,
  bos: null,
  eos: 2,
  prependBos: false,
  infill: { prefix: 10, suffix: 11, middle: 12 },
  vocabularySize: 200,
};
const prepare = (body: object, changed: Partial<typeof model> = {}) =>
  prepareCompletion(
    { ...model, ...changed },
    parseCompletionRequest(new TextEncoder().encode(JSON.stringify({ model: "m", ...body }))),
  );

describe("prepareCompletion", () => {
  it("takes control tokens in a text for what they are, and token ids as they come", () => {
    expect(prepare({ prompt: ["a<end>", "b"] }).prompts).toEqual([[97, 3], [98]]);
    expect(prepare({ prompt: [5, 6] }, { bos: 1, prependBos: true }).prompts).toEqual([[5, 6]]);
  });

  it("puts the begin token before a text where the model wants it, once", () => {
    const wants = { bos: 1, prependBos: true };
    expect(prepare({ prompt: ["a", "<s>a"] }, wants).prompts).toEqual([
      [1, 97],
      [1, 97],
    ]);
  });

  it("begins a document where there is no prompt", () => {
    expect(prepare({}, { bos: 1 }).prompts).toEqual([[1]]);
    expect(prepare({}).prompts).toEqual([[2]]);
    expect(() => prepare({}, { eos: null })).toThrow(
      expect.objectContaining({ status: 400, param: "prompt" }),
    );
  });

  it("writes into the middle, and no text of the caller's becomes a control token", () => {
    expect(prepare({ prompt: "a<x>", suffix: "b" }).prompts).toEqual([[10, 97, 60, 120, 62, 11, 98, 12]]);
    expect(prepare({ prompt: [5], suffix: "b" }, { bos: 1, prependBos: true }).prompts).toEqual([
      [1, 10, 5, 11, 98, 12],
    ]);
  });

  it("refuses a suffix where the model was not trained on one, and tokens that it does not have", () => {
    expect(() => prepare({ suffix: "b" }, { infill: null })).toThrow(
      expect.objectContaining({ status: 400, code: "unsupported_parameter", param: "suffix" }),
    );
    expect(() => prepare({ prompt: [[1], [199, 200]] })).toThrow(/^Prompt 1 has token 200, .* 200 tokens/);
  });

  it("shows each prompt before its answers, once, and looks for no stop texts in it", () => {
    const shownFor = (prompt: unknown) => {
      const { newReply } = prepare({ prompt, echo: true, n: 2, stop: "." });
      return [0, 1, 2, 3].map((choice) => {
        const reply = newReply(choice);
        const parts = [...reply.push("x", null).parts, ...reply.push("y.", null).parts];
        return parts.map(({ part }) => (part.type === "content" ? part.text : part.type)).join("");
      });
    };
    const shown = ["a.xy", "a.xy", "b.xy", "b.xy"];
    expect(shownFor(["a.", "b."])).toEqual(shown);
    expect(
      shownFor([
        [97, 46],
        [98, 46],
      ]),
    ).toEqual(shown);
  });
});
