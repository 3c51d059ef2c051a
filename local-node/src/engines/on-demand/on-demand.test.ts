import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { NodeRequest } from "../../serve/contract.ts";
import { createServe, type Serve } from "../../serve/serve.ts";
import { capabilitiesOf, createEmbeddedEngine } from "../embedded/embedded.ts";
import { testModelPath } from "../test-model.ts";
import { createMemoryKeeper } from "./memory-keeper.ts";
import { createOnDemandEngine, type OnDemandEngine } from "./on-demand.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let path: string;
let serve: Serve;
let engines: OnDemandEngine[];
let lines: string[];

/** Two models in a machine that holds one of them at a time. */
beforeAll(async () => {
  path = await testModelPath();
  lines = [];
  const log = (_level: string, message: string): void => void lines.push(message);
  const keeper = createMemoryKeeper({ log, limitBytes: 600e6 });
  const available = (id: string, modelPath: string): OnDemandEngine =>
    createOnDemandEngine({
      model: {
        id,
        engine: "embedded",
        loaded: false,
        fileSha256: "a".repeat(64),
        quantisation: null,
        contextTokens: null,
        capabilities: capabilitiesOf("chat"),
        tokensPerSecond: null,
      },
      keeper,
      keepWarm: false,
      idleMs: 60_000,
      log,
      open: (memory) =>
        createEmbeddedEngine({
          modelId: id,
          modelPath,
          fileSha256: "a".repeat(64),
          quantisation: null,
          sequences: 1,
          contextTokens: 2048,
          memory,
        }),
    });
  engines = [available("one", path), available("two", path), available("broken", `${path}.none`)];
  serve = createServe({ engines: () => engines, queueLimit: () => 8, clock: () => performance.now() });
});
afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
});

async function ask(model: string, deadlineMs = 100_000): Promise<{ status: number; text: string }> {
  const body = { model, messages: [{ role: "user", content: "Say hello." }], max_tokens: 4, temperature: 0 };
  const request: NodeRequest = {
    method: "POST",
    path: "/v1/chat/completions",
    headers: {},
    body: new TextEncoder().encode(JSON.stringify(body)),
    deadlineMs,
    signal: new AbortController().signal,
  };
  const response = await serve.handle(request);
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body) text += decoder.decode(chunk, { stream: true });
  return { status: response.status, text };
}

function loaded(): string[] {
  return engines.flatMap((engine) => engine.models()).flatMap((model) => (model.loaded ? [model.id] : []));
}

describe("models that are loaded when a call names them", () => {
  it("are available before, and a call waits for the load", async () => {
    expect(loaded()).toEqual([]);
    expect(engines[0]?.models()).toEqual([expect.objectContaining({ id: "one", loaded: false })]);
    expect((await ask("one")).status).toBe(200);
    expect(loaded()).toEqual(["one"]);
  });

  it("give way to each other where memory holds one, with all of their process", async () => {
    const [pid = 0] = engines[0]?.placement().pids ?? [];
    expect((await ask("two")).status).toBe(200);
    expect(loaded()).toEqual(["two"]);
    expect(() => process.kill(pid, 0)).toThrow();
    expect(lines).toContain("Unloading one: two needs its memory.");
    const [first] = engines[0]?.models() ?? [];
    expect(first?.tokensPerSecond).toBeGreaterThan(0);
  });

  it("wait for each other's calls, and none is lost", async () => {
    const answers = await Promise.all([ask("two"), ask("one"), ask("two"), ask("one")]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  it("that cannot be loaded say why, at once the second time, and hold nobody else up", async () => {
    const [broken, good] = await Promise.all([ask("broken"), ask("two")]);
    expect(broken).toMatchObject({ status: 503, text: expect.stringContaining("model_load_failed") });
    expect(good.status).toBe(200);
    expect((await ask("broken")).text).toContain("cannot be read");
  });

  it("do not outlast a call's deadline", async () => {
    await engines[0]?.unload();
    await engines[1]?.unload();
    expect(await ask("one", 20)).toMatchObject({ status: 504, text: expect.stringContaining("deadline") });
  });
});
