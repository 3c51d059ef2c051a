import { getLlama, LlamaLogLevel, type LlamaModel } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { EnginePhases } from "../engine.ts";
import { complete, readChunks, startCall } from "../test-call.ts";
import { testModelPath } from "../test-model.ts";
import { createEmbeddedEngine, type EmbeddedEngine } from "./embedded.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const ask = (content: string) => ({ messages: [{ role: "user", content }] });
const SEA = "Write one short sentence about the sea.";
const CITY = `root ::= "{\\"city\\": \\"" [A-Z] [a-z]{2,12} "\\", \\"days\\": " [1-9] [0-9]? "}"`;

describe("what the embedded engine can do to an answer", () => {
  let engine: EmbeddedEngine;
  let tokenizer: LlamaModel;
  const log: string[] = [];
  beforeAll(async () => {
    const modelPath = await testModelPath();
    const llama = await getLlama({
      gpu: false,
      build: "never",
      skipDownload: true,
      maxThreads: 1,
      logLevel: LlamaLogLevel.error,
    });
    tokenizer = await llama.loadModel({ modelPath, vocabOnly: true });
    engine = await createEmbeddedEngine({
      modelId: "smollm2",
      modelPath,
      fileSha256: "a".repeat(64),
      quantisation: "Q4_1",
      contextTokens: 1024,
      log: (_, message) => log.push(message),
    });
  });
  afterAll(async () => {
    await engine.close();
    await tokenizer.llama.dispose();
  });

  describe("a grammar", () => {
    it.each([
      ["at temperature 0", { temperature: 0 }],
      ["sampled", { temperature: 1, seed: 3 }],
      ["sampled from everything", { temperature: 2, top_p: 1, seed: 4 }],
      ["with penalties", { temperature: 0, frequency_penalty: 1.5, presence_penalty: 1 }],
      ["with penalties, sampled", { temperature: 1, seed: 5, frequency_penalty: 1.5 }],
      ["with a bias against what it needs", { temperature: 0, logit_bias: { "108": -50 } }],
    ])("holds, and the answer ends with it: %s", async (_, sampling) => {
      const reply = await complete(engine, {
        ...ask("Where shall I go, and for how long?"),
        ...sampling,
        grammar: CITY,
        max_tokens: 60,
      });
      expect(reply.finishReason).toBe("stop");
      expect(reply.content).toMatch(/^\{"city": "[A-Z][a-z]{2,12}", "days": [1-9][0-9]?\}$/);
      expect(reply.usage.completion_tokens).toBeGreaterThan(5);
    });

    it("begins anew with each answer, also of the same call", async () => {
      const call = { ...ask("Name a city."), grammar: CITY, max_tokens: 60, temperature: 1, seed: 1, n: 2 };
      const { choices } = await complete(engine, call);
      for (const { message } of choices) expect(message.content).toMatch(/^\{"city": .+\}$/);
      expect((await complete(engine, call)).choices).toEqual(choices);
    });

    it("stops at a stop text inside of it", async () => {
      const call = { ...ask("Name a city."), grammar: CITY, temperature: 0, max_tokens: 60 };
      const reply = await complete(engine, { ...call, stop: '", "days' });
      expect(reply.content).toMatch(/^\{"city": "[A-Z][a-z]{2,12}$/);
      expect(reply.finishReason).toBe("stop");
    });

    it("takes the token that the model likes best of those that it allows", async () => {
      const free = await complete(engine, {
        ...ask("Is water wet? Answer yes or no."),
        temperature: 0,
        max_tokens: 1,
        logprobs: true,
        top_logprobs: 20,
      });
      const ranked = free.choices[0]?.logprobs?.content[0]?.top_logprobs.map(({ token }) => token) ?? [];
      const [, second, third] = ranked.filter((token) => /^[A-Za-z]+$/.test(token));
      const reply = await complete(engine, {
        ...ask("Is water wet? Answer yes or no."),
        temperature: 0,
        grammar: `root ::= "${third}" | "${second}"`,
      });
      expect(reply.content).toBe(second);
    });

    it.each([
      ["no rule called root", 'other ::= "a"'],
      ["an undefined rule", "root ::= missing"],
      ["left recursion", 'root ::= root "a" | "b"'],
      ["brackets as deep as a stack", `root ::= ${"(".repeat(50_000)}"a"${")".repeat(50_000)}`],
      ["repetitions of repetitions", 'root ::= (("a"?){1000}){1000}'],
      ["hundreds of kilobytes", `root ::= ${'"secret" | '.repeat(30_000)}"a"`],
    ])(
      "that cannot be used is the caller's to mend, and costs nobody else anything: %s",
      async (_, grammar) => {
        const pid = engine.runtime()?.pid;
        const refused = startCall(engine, { ...ask(SEA), grammar });
        await expect(refused).rejects.toMatchObject({ status: 400, code: "invalid_grammar" });
        expect((await complete(engine, { ...ask(SEA), temperature: 0, max_tokens: 4 })).content).not.toBe("");
        expect(engine.runtime()?.pid).toBe(pid);
      },
    );

    it("stays out of the log when it is refused (it is the caller's content)", async () => {
      const refused = startCall(engine, { ...ask(SEA), grammar: 'root ::= "my secret' });
      await expect(refused).rejects.toMatchObject({ code: "invalid_grammar" });
      await complete(engine, { ...ask(SEA), temperature: 0, max_tokens: 4 });
      expect(log.join("\n")).not.toContain("secret");
    });
  });

  describe("log-probabilities", () => {
    const asked = { logprobs: true, top_logprobs: 5, temperature: 0, max_tokens: 30 };

    it("come for each token that is shown, with its bytes, the likeliest first", async () => {
      const reply = await complete(engine, { ...ask(SEA), ...asked });
      const entries = reply.choices[0]?.logprobs?.content ?? [];
      expect(entries.map(({ token }) => token).join("")).toBe(reply.content);
      const bytes = Uint8Array.from(entries.flatMap((entry) => entry.bytes));
      expect(new TextDecoder().decode(bytes)).toBe(reply.content);
      // One more was computed: the end token.
      expect(reply.usage.completion_tokens).toBe(entries.length + 1);
      for (const { token, logprob, top_logprobs } of entries) {
        expect(top_logprobs).toHaveLength(5);
        expect(top_logprobs[0]).toMatchObject({ token, logprob });
        const values = top_logprobs.map((top) => top.logprob);
        expect(values).toEqual(values.toSorted((a, b) => b - a));
        expect(values.reduce((sum, value) => sum + Math.exp(value), 0)).toBeLessThanOrEqual(1.000_01);
      }
    });

    it("are the same streamed, each with the text that it belongs to", async () => {
      const whole = await complete(engine, { ...ask(SEA), ...asked });
      const call = await startCall(engine, { ...ask(SEA), ...asked, stream: true });
      const chunks = readChunks(await call.text()).flatMap((chunk) => chunk.choices);
      const entries = chunks.flatMap((choice) => choice.logprobs?.content ?? []);
      expect(entries).toEqual(whole.choices[0]?.logprobs?.content);
      for (const { delta, logprobs } of chunks) {
        if (logprobs !== null)
          expect(logprobs.content.map(({ token }) => token).join("")).toBe(delta.content);
      }
    });

    it("are of the model's own distribution: neither temperature, bias nor grammar moves them", async () => {
      const first = async (extra: object) => {
        const reply = await complete(engine, { ...ask(SEA), ...asked, max_tokens: 1, ...extra });
        return reply.choices[0]?.logprobs?.content[0];
      };
      const plain = await first({});
      const sampled = await first({ temperature: 1.7, top_p: 1, seed: 9 });
      const forced = await first({ grammar: 'root ::= "Zebra" .*' });
      const biased = await first({ logit_bias: { "3": 50 } });
      for (const other of [sampled, forced, biased]) expect(other?.top_logprobs).toEqual(plain?.top_logprobs);
      expect(forced?.token).toMatch(/^Z/);
      expect(forced?.logprob).toBeLessThan(plain?.top_logprobs[4]?.logprob ?? 0);
      expect(biased?.logprob).toBeLessThan(-3);
    });

    it("leave out what a stop text took away", async () => {
      const whole = await complete(engine, { ...ask(SEA), ...asked });
      const tokens = whole.choices[0]?.logprobs?.content.map(({ token }) => token) ?? [];
      const stop = tokens.slice(4, 6).join("");
      const reply = await complete(engine, { ...ask(SEA), ...asked, stop });
      const shown = reply.choices[0]?.logprobs?.content.map(({ token }) => token);
      expect(shown?.join("")).toBe(reply.content);
      expect(reply.content).toBe(tokens.slice(0, 4).join(""));
    });

    it("are null where nobody asked", async () => {
      const reply = await complete(engine, { ...ask(SEA), temperature: 0, max_tokens: 3 });
      expect(reply.choices[0]?.logprobs).toBeNull();
    });
  });

  describe("confidence", () => {
    const confidenceOf = async (body: object) => {
      const phases: EnginePhases = {};
      await (await startCall(engine, { temperature: 0, max_tokens: 40, ...body }, { phases })).text();
      return phases.confidence;
    };

    it("goes with every answer, over all tokens of prose", async () => {
      const confidence = await confidenceOf(ask(SEA));
      const reply = await complete(engine, { ...ask(SEA), temperature: 0, max_tokens: 40, logprobs: true });
      const exact = reply.choices[0]?.logprobs?.content.map(({ logprob }) => logprob) ?? [];
      expect(confidence).toMatchObject({
        over: "all",
        tokens: exact.length + 1,
        completionTokens: exact.length + 1,
      });
      // Relative to the likeliest tokens: at most a little above the exact values.
      expect(confidence?.minLogprob).toBeGreaterThanOrEqual(Math.min(...exact) - 1e-4);
      expect(confidence?.minLogprob).toBeLessThan(Math.min(...exact) + 0.5);
      expect(confidence?.minMargin).toBeGreaterThanOrEqual(0); // greedy: nothing was likelier
    });

    it("goes over the values of JSON, and shows where the model would have said something else", async () => {
      const confidence = await confidenceOf({ ...ask("Say something."), grammar: CITY });
      expect(confidence?.over).toBe("values");
      expect(confidence?.tokens).toBeLessThan(confidence?.completionTokens ?? 0);
      const forced = await confidenceOf({ ...ask("Say hello."), grammar: 'root ::= "Zebra"' });
      expect(forced?.over).toBe("all");
      expect(forced?.minMargin).toBeLessThan(-1);
    });
  });

  describe("bias and choices", () => {
    it("forbids and prefers tokens, and refuses those that the model has not", async () => {
      const sea = tokenizer.tokenize("The")[0] ?? 0;
      const plain = await complete(engine, { ...ask(SEA), temperature: 0, max_tokens: 10 });
      expect(plain.content).toMatch(/^The/);
      const without = await complete(engine, {
        ...ask(SEA),
        temperature: 0,
        max_tokens: 10,
        logit_bias: { [sea]: -100 },
      });
      expect(without.content).not.toMatch(/^The/);
      const only = await complete(engine, {
        ...ask(SEA),
        temperature: 0,
        max_tokens: 3,
        logit_bias: { [sea]: 100 },
      });
      expect(only.content).toBe("TheTheThe");
      const refused = startCall(engine, { ...ask(SEA), logit_bias: { "49152": 1 } });
      await expect(refused).rejects.toMatchObject({ status: 400, param: "logit_bias" });
    });

    it("gives as many choices as were asked for, different and reproducible, the prompt counted once", async () => {
      const call = { ...ask("Tell me a story."), temperature: 1, seed: 11, max_tokens: 12, n: 3 };
      const reply = await complete(engine, call);
      expect(reply.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
      const texts = reply.choices.map(({ message }) => message.content);
      expect(new Set(texts).size).toBe(3);
      expect(reply.usage.completion_tokens).toBe(36);
      const single = await complete(engine, { ...call, n: 1 });
      expect(single.content).toBe(texts[0]);
      expect(single.usage.prompt_tokens).toBe(reply.usage.prompt_tokens);

      const streamed = await startCall(engine, { ...call, stream: true });
      const chunks = readChunks(await streamed.text()).flatMap((chunk) => chunk.choices);
      const joined = [0, 1, 2].map((choice) =>
        chunks
          .filter(({ index }) => index === choice)
          .map(({ delta }) => delta.content ?? "")
          .join(""),
      );
      expect(joined).toEqual(texts);
      const finishes = chunks.filter((chunk) => chunk.finish_reason !== null).map(({ index }) => index);
      expect(finishes.toSorted()).toEqual([0, 1, 2]);
    });
  });
});
