import {
  getLlama,
  getModuleVersion,
  type LlamaContextSequence,
  LlamaGrammarEvaluationState,
  LlamaLogLevel,
  type LlamaModel,
  type Token,
} from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testModelPath } from "../test-model.ts";
import { createNativeSampler, decode, grammarAccept, grammarAllows } from "./binding.ts";

/** What `binding.ts` relies on behind the public interface, against the public interface where that can tell. */
describe("node-llama-cpp's internals", () => {
  let model: LlamaModel;
  let sequence: LlamaContextSequence;
  let other: LlamaContextSequence;
  let prompt: Token[];
  beforeAll(async () => {
    const llama = await getLlama({
      gpu: false,
      build: "never",
      skipDownload: true,
      maxThreads: 1,
      logLevel: LlamaLogLevel.error,
    });
    model = await llama.loadModel({ modelPath: await testModelPath() });
    const context = await model.createContext({ sequences: 2, contextSize: 512, threads: 1 });
    sequence = context.getSequence();
    other = context.getSequence();
    prompt = model.tokenize("The capital of France is");
  }, 120_000);
  afterAll(() => model.llama.dispose());

  it("are of the version that they were written for", async () => {
    expect(await getModuleVersion(), "read the code behind binding.ts again before you change this").toBe(
      "3.22.1",
    );
  });

  it("give the logits and the weight that the public interface gives", async () => {
    await sequence.clearHistory();
    const greedy = createNativeSampler(sequence, { temperature: 0 });
    const ranker = createNativeSampler(sequence, { temperature: 1, seed: 1, topK: 128 });
    const [ranked, weighed, named] = await decode(sequence, prompt, async (index) => [
      await ranker.sample(index, { logits: { tokens: [], top: 5 }, weight: true }),
      await greedy.sample(index, { weight: true }),
      await greedy.sample(index, { logits: { tokens: [prompt[0] as Token], top: 0 } }),
    ]);
    greedy.dispose();
    ranker.dispose();

    await other.clearHistory();
    const last = prompt.length - 1;
    const results = await other.controlledEvaluate(
      prompt.map((token, index) =>
        index === last
          ? [
              token,
              {
                generateNext: {
                  token: true,
                  logits: { filter: { includeTop: 5, tokens: [prompt[0] as Token] } },
                  totalLogitWeight: true,
                  options: { temperature: 0 },
                },
              },
            ]
          : token,
      ),
    );
    const next = results[last]?.next;
    const logits = [...(next?.logits ?? [])];
    expect(weighed?.token).toBe(next?.token);
    expect(weighed?.weight).toBeCloseTo(next?.totalLogitWeight ?? 0, 3);
    expect(named?.logits).toEqual([prompt[0], next?.logits?.get(prompt[0] as Token)]);
    expect(ranked?.logits).toEqual(logits.slice(0, 5).flat());
    // Of the 128 likeliest only.
    expect(ranked?.weight).toBeLessThan(weighed?.weight ?? 0);
  });

  it("decode what the public interface decodes", async () => {
    await sequence.clearHistory();
    const greedy = createNativeSampler(sequence, { temperature: 0 });
    const ours: (Token | null)[] = [];
    for (let tokens = prompt; ours.length < 8; tokens = ours.slice(-1) as Token[]) {
      ours.push((await decode(sequence, tokens, (index) => greedy.sample(index))).token);
    }
    greedy.dispose();
    await other.clearHistory();
    const theirs: Token[] = [];
    for await (const token of other.evaluate(prompt, { temperature: 0 })) {
      theirs.push(token);
      if (theirs.length === 8) break;
    }
    expect(ours).toEqual(theirs);
  });

  it("test single tokens against a grammar, and move it on", async () => {
    const grammar = await model.llama.createGrammar({ grammar: 'root ::= "yes" | "no"' });
    const state = new LlamaGrammarEvaluationState({ model, grammar });
    const [yes, no] = [model.tokenize("yes")[0] as Token, model.tokenize("no")[0] as Token];
    const end = model.tokens.eos as Token;
    expect([yes, no, end].map((token) => grammarAllows(model, state, token))).toEqual([true, true, false]);
    grammarAccept(model, state, yes);
    expect([yes, no, end].map((token) => grammarAllows(model, state, token))).toEqual([false, false, true]);
  });

  it("pass a failure on without holding up the others", async () => {
    await sequence.clearHistory();
    await other.clearHistory();
    const greedy = createNativeSampler(other, { temperature: 0 });
    const [failed, went] = await Promise.allSettled([
      decode(sequence, prompt, () => Promise.reject(new Error("no"))),
      decode(other, prompt, (index) => greedy.sample(index)),
    ]);
    greedy.dispose();
    expect(failed).toMatchObject({ status: "rejected", reason: { message: "no" } });
    expect(went).toMatchObject({ status: "fulfilled" });
  });
});
