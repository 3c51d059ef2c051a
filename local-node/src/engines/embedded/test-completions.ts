import type { LlamaModel } from "node-llama-cpp";
import { describe, expect, it } from "vitest";
import { type Completion, readChunks, startCall } from "../test-call.ts";
import type { EmbeddedEngine } from "./embedded.ts";

interface TextCompletion extends Pick<Completion, "id" | "usage"> {
  object: string;
  choices: {
    index: number;
    text: string;
    logprobs: {
      tokens: string[];
      token_logprobs: number[];
      top_logprobs: Record<string, number>[];
      text_offset: number[];
    } | null;
    finish_reason: string | null;
  }[];
}

const SEA = "The sea is";

/** `POST /v1/completions` of an engine with the starter model in it. */
export function describeCompletions(under: () => { engine: EmbeddedEngine; tokenizer: LlamaModel }): void {
  const start = (body: object) => startCall(under().engine, body, { path: "/v1/completions" });
  const write = async (body: object): Promise<TextCompletion> => {
    const call = await start({ temperature: 0, max_tokens: 8, ...body });
    return JSON.parse(await call.text());
  };
  const textsOf = ({ choices }: TextCompletion) => choices.map(({ text }) => text);

  describe("texts that are gone on with", () => {
    it("are the model's own, whatever form the prompt comes in, and streamed alike", async () => {
      const { tokenizer } = under();
      const tokens = [...tokenizer.tokenize(SEA, true)];
      const whole = await write({ prompt: SEA });
      const [text = ""] = textsOf(whole);
      expect(whole).toMatchObject({ id: expect.stringMatching(/^cmpl-/), object: "text_completion" });
      expect(whole.choices).toMatchObject([{ index: 0, logprobs: null, finish_reason: "length" }]);
      expect(text).toMatch(/^ \w+/);
      expect(whole.usage).toMatchObject({ prompt_tokens: tokens.length, completion_tokens: 8 });

      const several = await write({
        prompt: [tokens, [...tokenizer.tokenize("One, two, three,", true)]],
        n: 1,
      });
      expect(several.choices.map(({ index }) => index)).toEqual([0, 1]);
      expect(textsOf(several)[0]).toBe(text);
      expect(textsOf(several)[1]).toMatch(/^ four/);

      const call = await start({ prompt: SEA, temperature: 0, max_tokens: 8, stream: true });
      const chunks = readChunks<TextCompletion>(await call.text()).flatMap(({ choices }) => choices);
      expect(chunks.map((chunk) => chunk.text).join("")).toBe(text);
      expect(chunks.at(-1)?.finish_reason).toBe("length");
    });

    it("begin with their prompt where the caller wants it, and end before a stop text", async () => {
      const prompt = ["One, two, three,", "a, b, c,"];
      const reply = await write({ prompt, echo: true, stop: ",", n: 2 });
      expect(textsOf(reply)).toEqual([
        "One, two, three, four",
        "One, two, three, four",
        "a, b, c, d",
        "a, b, c, d",
      ]);
      expect(reply.choices.map((choice) => choice.finish_reason)).toEqual(Array(4).fill("stop"));
    });

    it("come with log-probabilities in this API's form", async () => {
      const { choices } = await write({ prompt: SEA, logprobs: 2 });
      const [{ text = "", logprobs = null } = {}] = choices;
      expect(logprobs?.tokens.join("")).toBe(text);
      expect(logprobs?.token_logprobs).toHaveLength(8);
      logprobs?.text_offset.forEach((offset, index) => {
        const token = logprobs.tokens[index] ?? "";
        expect(text.slice(offset, offset + token.length)).toBe(token);
        expect(logprobs.top_logprobs[index]?.[token]).toBe(logprobs.token_logprobs[index]);
        expect(Object.keys(logprobs.top_logprobs[index] ?? {})).toHaveLength(2);
      });
    });

    it("are the likeliest of several where the best are asked for", async () => {
      const draw = { prompt: SEA, temperature: 1, seed: 4, logprobs: 0 };
      const mean = ({ logprobs }: TextCompletion["choices"][number]) =>
        (logprobs?.token_logprobs ?? []).reduce((sum, value, _, { length }) => sum + value / length, 0);
      const four = await write({ ...draw, n: 4 });
      const all = four.choices.toSorted((a, b) => mean(b) - mean(a));
      const best = await write({ ...draw, n: 2, best_of: 4 });
      expect(textsOf(best)).toEqual(all.slice(0, 2).map(({ text }) => text));
      expect(best.choices.map(({ index }) => index)).toEqual([0, 1]);
      expect(best.usage.completion_tokens).toBe(four.usage.completion_tokens);
    });

    it("match a grammar", async () => {
      const [text] = textsOf(
        await write({ prompt: "The capital of France is", grammar: 'root ::= " " [A-Z] [a-z]+ "."' }),
      );
      expect(text).toMatch(/^ [A-Z][a-z]+/);
    });

    it.each([
      ["suffix", "unsupported_parameter", { prompt: "a", suffix: "b" }],
      ["prompt", "invalid_value", { prompt: [60_000] }],
      ["prompt", "context_length_exceeded", { prompt: ["a", "the sea ".repeat(3000)] }],
    ])("refuses %s by its name (%s)", async (param, code, body) => {
      await expect(start(body)).rejects.toMatchObject({ status: 400, code, param });
    });
  });
}
