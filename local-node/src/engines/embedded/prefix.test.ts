import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { residentBytes } from "../../hardware/process-memory.ts";
import { complete, startCall } from "../test-call.ts";
import { testModelPath } from "../test-model.ts";
import { createEmbeddedEngine, type EmbeddedEngine } from "./embedded.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

/** A system prompt of some 280 tokens, a little more than is worth a place on disk, and what is asked with it. */
const SYSTEM = `You are the keeper of a lighthouse. ${"The quick brown fox jumps over the lazy dog. ".repeat(27)}`;
const SHARED_TOKENS = 256;
const ask = (content: string, system = SYSTEM) => ({
  messages: [
    { role: "system", content: system },
    { role: "user", content },
  ],
  temperature: 0,
  max_tokens: 4,
  logprobs: true,
  top_logprobs: 5,
});
/** Some 100 tokens, so that a slot with them is not taken for empty. */
const other = (word: string) => ask(word, `${word} `.repeat(100));
const LONG_QUESTION = `Who are you? ${"Pack my box with five dozen liquor jugs. ".repeat(8)}`;

/** Each test goes on from what the one before left in the slots: most of the time goes into computing prompts. */
describe("beginnings of prompts that were computed before", () => {
  let folder: string;
  /** With one slot, and with two. */
  let alone: EmbeddedEngine;
  let pair: EmbeddedEngine;
  let cold: Awaited<ReturnType<typeof cachedOf>>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "prefixes-"));
    [alone, pair] = await Promise.all([open(1), open(2)]);
  });
  afterAll(async () => {
    await Promise.all([alone.close(), pair.close()]);
    await rm(folder, { recursive: true, force: true });
  });
  const open = async (sequences: number): Promise<EmbeddedEngine> =>
    createEmbeddedEngine({
      modelId: "smollm2",
      modelPath: await testModelPath(),
      fileSha256: "a".repeat(64),
      quantisation: "Q4_1",
      contextTokens: 1024,
      sequences,
      prefixes: { folder: join(folder, "prefixes"), maxBytes: 500_000_000 },
    });
  const of = (project: string) => ({ "x-routelet-project": project });
  const cachedOf = async (engine: EmbeddedEngine, project: string, body: object) => {
    const reply = await complete(engine, body, { headers: of(project) });
    return {
      cached: reply.usage.prompt_tokens_details.cached_tokens,
      prompt: reply.usage.prompt_tokens,
      likeliest: reply.choices[0]?.logprobs?.content[0]?.top_logprobs ?? [],
    };
  };
  /** The same distribution of the first token, but for the rounding of another cut of the prompt. */
  const expectSame = (a: Awaited<ReturnType<typeof cachedOf>>, b: Awaited<ReturnType<typeof cachedOf>>) => {
    const other = new Map(b.likeliest.map(({ token, logprob }) => [token, logprob]));
    expect(a.likeliest).toHaveLength(5);
    for (const { token, logprob } of a.likeliest.slice(0, 3)) {
      expect(Math.abs((other.get(token) ?? Number.NEGATIVE_INFINITY) - logprob)).toBeLessThan(0.3);
    }
  };
  const states = async () => {
    const names = await readdir(join(folder, "prefixes"), { recursive: true });
    return names.filter((name) => name.endsWith(".state"));
  };

  it("come back from disk when they had to give way, also to another process", async () => {
    cold = await cachedOf(alone, "a", ask("What do you see?"));
    expect(cold.cached).toBe(0);
    await cachedOf(alone, "a", other("red"));
    expect(await states()).toHaveLength(1);
    const warm = await cachedOf(alone, "a", ask("What do you see?"));
    expect(warm.cached).toBeGreaterThan(SHARED_TOKENS);
    expectSame(warm, cold);
    await alone.close();

    alone = await open(1);
    expect((await cachedOf(alone, "a", ask("Who are you?"))).cached).toBeGreaterThan(SHARED_TOKENS);
    // Another number of slots cannot read it, and does not try to.
    expect((await cachedOf(pair, "a", ask(LONG_QUESTION))).cached).toBe(0);
  });

  it("are computed again where the state on disk is broken", async () => {
    await cachedOf(alone, "a", other("red"));
    for (const name of await states()) {
      const path = join(folder, "prefixes", name);
      await writeFile(path, (await readFile(path)).subarray(0, 2000));
    }
    const pid = alone.runtime()?.pid;
    const again = await cachedOf(alone, "a", ask("What do you see?"));
    expect(again.cached).toBe(0);
    expectSame(again, cold);
    expect(alone.runtime()?.pid).toBe(pid);
    expect((await cachedOf(alone, "a", ask("What do you see?"))).cached).toBeGreaterThan(SHARED_TOKENS);
  });

  it("are copied to another slot, so that both conversations stay where they are", async () => {
    const shared = await cachedOf(pair, "a", ask("What do you see?"));
    expect(shared.cached).toBeGreaterThan(SHARED_TOKENS);
    expectSame(shared, cold);
    for (const question of [LONG_QUESTION, "What do you see?"]) {
      const again = await cachedOf(pair, "a", ask(question));
      expect(again.cached).toBe(again.prompt - 1);
    }
  });

  it("of one project serve no other: what is cached tells what others ask", async () => {
    expect((await cachedOf(pair, "b", ask("Who are you?"))).cached).toBe(0);
    expect((await cachedOf(pair, "a", ask("Who are you?"))).cached).toBeGreaterThan(SHARED_TOKENS);
    // Both slots give way; their states on disk stay apart, too.
    for (const word of ["red", "blue"]) await cachedOf(pair, "c", other(word));
    expect((await cachedOf(pair, "d", ask("Who are you?"))).cached).toBe(0);
    expect((await cachedOf(pair, "b", ask("Who are you?"))).cached).toBeGreaterThan(SHARED_TOKENS);
  });

  it("are copied from a slot in the middle of its answer", async () => {
    const running = await startCall(
      pair,
      { ...ask("Tell me a long story."), max_tokens: 150, stream: true },
      { headers: of("b") },
    );
    await running.body.next();
    const shared = await cachedOf(pair, "b", ask("What do you see?"));
    expect(shared.cached).toBeGreaterThan(SHARED_TOKENS);
    await running.body.return?.();
    expectSame(shared, cold);
  });

  it("serve the further choices of a call on slots that are free", async () => {
    const system = `You are kind. ${"The quick brown fox jumps over the lazy dog. ".repeat(8)}`;
    const call = { ...ask("Tell me a story.", system), temperature: 1, seed: 5, max_tokens: 12, n: 3 };
    const together = await complete(pair, call, { headers: of("choices") });
    const oneByOne = await complete(alone, call, { headers: of("choices") });
    expect(together.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(together.usage.prompt_tokens).toBe(oneByOne.usage.prompt_tokens);
    // Slices follow the machine's speed, so that the two round differently, and may draw another word from the same distribution.
    const first = ({ choices }: typeof together, at: number) => ({
      ...cold,
      likeliest: choices[at]?.logprobs?.content[0]?.top_logprobs ?? [],
    });
    for (const at of [0, 1, 2]) expectSame(first(together, at), first(oneByOne, at));
    expect(new Set(together.choices.map(({ message }) => message.content)).size).toBeGreaterThan(1);
  });

  it.skipIf(process.platform === "win32")(
    "were computed in the memory that was foreseen, within 10 %",
    async () => {
      const { pid = 0, shape } = pair.runtime() ?? {};
      const resident = (await residentBytes([pid])) ?? 0;
      expect(Math.abs(resident / (shape?.ramBytes ?? 1) - 1)).toBeLessThan(0.1);
    },
  );
});
