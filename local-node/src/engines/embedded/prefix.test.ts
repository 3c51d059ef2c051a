import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { complete, startCall } from "../test-call.ts";
import { testModelPath } from "../test-model.ts";
import { createEmbeddedEngine, type EmbeddedEngine } from "./embedded.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

/** A system prompt of some 330 tokens, and what is asked with it. */
const SYSTEM = `You are the keeper of a lighthouse. ${"The quick brown fox jumps over the lazy dog. ".repeat(32)}`;
const ask = (content: string, system = SYSTEM) => ({
  messages: [
    { role: "system", content: system },
    { role: "user", content },
  ],
  temperature: 0,
  max_tokens: 6,
  logprobs: true,
  top_logprobs: 5,
});
const OTHER = `Nothing alike. ${"Seven wizards boxed with a jolly gnome. ".repeat(40)}`;

describe("beginnings of prompts that were computed before", () => {
  let folder: string;
  const engines: EmbeddedEngine[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "prefixes-"));
  });
  afterEach(async () => {
    for (const engine of engines.splice(0)) await engine.close();
    await rm(folder, { recursive: true, force: true });
  });
  const open = async (sequences: number): Promise<EmbeddedEngine> => {
    const engine = await createEmbeddedEngine({
      modelId: "smollm2",
      modelPath: await testModelPath(),
      fileSha256: "a".repeat(64),
      quantisation: "Q4_1",
      contextTokens: 1024,
      sequences,
      prefixes: { folder: join(folder, "prefixes"), maxBytes: 500_000_000 },
    });
    engines.push(engine);
    return engine;
  };
  const cachedOf = async (engine: EmbeddedEngine, body: object, headers: Record<string, string> = {}) => {
    const reply = await complete(engine, body, { headers });
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

  it("are copied to another slot, so that both conversations stay where they are", async () => {
    const engine = await open(2);
    const long = `Who are you? ${"Pack my box with five dozen liquor jugs. ".repeat(12)}`;
    expect((await cachedOf(engine, ask(long))).cached).toBe(0);
    const shared = await cachedOf(engine, ask("What do you see?"));
    expect(shared.cached).toBeGreaterThan(300);
    for (const question of [long, "What do you see?"]) {
      const again = await cachedOf(engine, ask(question));
      expect(again.cached).toBe(again.prompt - 1);
    }
    const alone = await open(1);
    expectSame(await cachedOf(alone, ask("What do you see?")), shared);
  });

  it("are copied from a slot in the middle of its answer", async () => {
    const engine = await open(2);
    const expected = await cachedOf(engine, ask("What do you see?"));
    await cachedOf(engine, ask("x", OTHER));
    await cachedOf(engine, ask("y", OTHER.repeat(2).slice(0, 1500)));
    const running = await startCall(engine, {
      ...ask("Tell me a long story."),
      max_tokens: 150,
      stream: true,
    });
    await running.body.next();
    const shared = await cachedOf(engine, ask("What do you see?"));
    expect(shared.cached).toBeGreaterThan(300);
    expectSame(shared, expected);
    await running.text();
  });

  it("come back from disk when they had to give way, also to another process", async () => {
    const engine = await open(1);
    const cold = await cachedOf(engine, ask("Who are you?"));
    await cachedOf(engine, ask("Something else", OTHER));
    expect(await states()).toHaveLength(1);
    const warm = await cachedOf(engine, ask("Who are you?"));
    expect(warm.cached).toBeGreaterThan(300);
    expectSame(warm, cold);
    await engine.close();

    const next = await open(1);
    const again = await cachedOf(next, ask("What do you see?"));
    expect(again.cached).toBeGreaterThan(300);
    // Another number of slots cannot read it, and does not try to.
    const different = await open(2);
    expect((await cachedOf(different, ask("Who are you?"))).cached).toBe(0);
  });

  it("are computed again where the state on disk is broken", async () => {
    const engine = await open(1);
    const cold = await cachedOf(engine, ask("Who are you?"));
    await cachedOf(engine, ask("Something else", OTHER));
    const [name = ""] = await states();
    const path = join(folder, "prefixes", name);
    await writeFile(path, (await readFile(path)).subarray(0, 2000));
    const pid = engine.runtime()?.pid;
    const again = await cachedOf(engine, ask("Who are you?"));
    expect(again.cached).toBe(0);
    expectSame(again, cold);
    expect(engine.runtime()?.pid).toBe(pid);
    expect((await cachedOf(engine, ask("Who are you?"))).cached).toBeGreaterThan(300);
  });

  it("of one project serve no other: what is cached tells what others ask", async () => {
    const engine = await open(2);
    const project = (name: string) => ({ "x-routelet-project": name });
    await cachedOf(engine, ask("Who are you?"), project("a"));
    expect((await cachedOf(engine, ask("Who are you?"), project("b"))).cached).toBe(0);
    expect((await cachedOf(engine, ask("Who are you?"), project("a"))).cached).toBeGreaterThan(300);
    // Both slots give way; their states on disk stay apart, too.
    for (const content of ["x", "y"])
      await cachedOf(engine, ask(content, OTHER + content.repeat(900)), project("c"));
    expect((await cachedOf(engine, ask("Who are you?"), project("d"))).cached).toBe(0);
    expect((await cachedOf(engine, ask("Who are you?"), project("b"))).cached).toBeGreaterThan(300);
  });

  it("serve the further choices of a call on slots that are free", async () => {
    const engine = await open(3);
    // Enough to be worth a copy, and too little for slices that follow the machine's speed: those round otherwise each time.
    const system = `You are kind. ${"The quick brown fox jumps over the lazy dog. ".repeat(8)}`;
    const call = { ...ask("Tell me a story.", system), temperature: 1, seed: 5, max_tokens: 24, n: 3 };
    const together = await complete(engine, call);
    const alone = await open(1);
    const oneByOne = await complete(alone, call);
    expect(together.choices).toEqual(oneByOne.choices);
    expect(together.usage).toEqual(oneByOne.usage);
  });
});
