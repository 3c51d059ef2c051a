import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createServe } from "../serve/serve.ts";
import { createAttachEngine } from "./attach/attach.ts";
import { createEmbeddedEngine, type EmbeddedEngine } from "./embedded/embedded.ts";
import type { Engine, EnginePhases } from "./engine.ts";
import { complete, readChunks, startCall } from "./test-call.ts";
import { testModelPath } from "./test-model.ts";
import { listenWith, type TestServer } from "./test-server.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const SEA = "Write one short sentence about the sea.";
const ask = { messages: [{ role: "user", content: SEA }], temperature: 0, max_tokens: 30 };
const ENDLESS = {
  messages: [{ role: "user", content: "Count from 1 to 1000." }],
  temperature: 0,
  stream: true,
};

/** What every engine must do, with the same real model behind each: once in a child process, once behind a URL. */
describe.each(["embedded", "attach"] as const)("an engine keeps its contract: %s", (kind) => {
  let embedded: EmbeddedEngine;
  let server: TestServer | null = null;
  let engine: Engine;

  beforeAll(async () => {
    embedded = await createEmbeddedEngine({
      modelId: "smollm2",
      modelPath: await testModelPath(),
      fileSha256: "a".repeat(64),
      quantisation: "Q4_1",
      contextTokens: 2048,
    });
    if (kind === "embedded") {
      engine = embedded;
      return;
    }
    const serve = createServe({
      engines: () => [embedded],
      queueLimit: () => 8,
      clock: () => performance.now(),
    });
    server = await listenWith(serve.handle, () => embedded.models());
    engine = await createAttachEngine({ baseUrl: server.baseUrl, probe: false });
  });
  afterAll(async () => {
    await engine.close();
    await server?.close();
    await embedded.close();
  });

  it("lists its model, and has slots", () => {
    expect(engine.kind).toBe(kind);
    expect(engine.models()).toEqual([expect.objectContaining({ id: "smollm2", engine: kind, loaded: true })]);
    expect(engine.models()[0]?.capabilities.chat).toBe(true);
    expect(engine.slots()).toBeGreaterThan(0);
  });

  it("answers whole and streamed with the same text", async () => {
    const whole = await complete(engine, ask);
    expect(whole.content).toMatch(/^The sea is/);
    expect(whole.usage.total_tokens).toBe(whole.usage.prompt_tokens + whole.usage.completion_tokens);
    const call = await startCall(engine, { ...ask, stream: true });
    expect(call.status).toBe(200);
    expect(call.headers["content-type"]).toContain("text/event-stream");
    const deltas = readChunks(await call.text()).map((chunk) => chunk.choices[0]?.delta.content ?? "");
    expect(deltas.join("")).toBe(whole.content);
  });

  it("notes when the first token came and when the call ended", async () => {
    const call = await startCall(engine, { ...ask, stream: true });
    await call.text();
    const { prefillStartUs = -1, firstTokenUs = -1, endUs = -1 } = call.phases;
    expect(prefillStartUs).toBeGreaterThanOrEqual(0);
    expect(firstTokenUs).toBeGreaterThan(prefillStartUs);
    expect(endUs).toBeGreaterThan(firstTokenUs);
  });

  it("says 400 for a wrong field, before any head or with the engine's own status", async () => {
    const outcome = await startCall(engine, { ...ask, temperature: "hot" }).then(
      async (call) => ({ status: call.status, error: JSON.parse(await call.text()).error }),
      (error) => ({ status: error.status, error }),
    );
    expect(outcome).toMatchObject({ status: 400, error: { code: "invalid_value", param: "temperature" } });
  });

  it("ends a call whose caller left, and takes the next one", async () => {
    const cancel = new AbortController();
    const call = await startCall(engine, ENDLESS, { signal: cancel.signal });
    await call.body.next();
    cancel.abort();
    await expect(call.text()).rejects.toMatchObject({ code: "cancelled", status: 499 });
    expect((await complete(engine, ask)).content).toMatch(/^The sea is/);
  });

  it("refuses a call whose caller left before it came", async () => {
    await expect(startCall(engine, ask, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "cancelled",
    });
  });

  it("ends a call whose body is no longer read", async () => {
    const phases: EnginePhases = {};
    const call = await startCall(engine, ENDLESS, { phases });
    await call.body.return?.();
    await vi.waitFor(() => expect(phases.endUs).toBeDefined(), { timeout: 10_000 });
    expect((await complete(engine, ask)).content).toMatch(/^The sea is/);
  });

  it("fails running calls when its process is killed, in a way that may be tried again", async () => {
    const call = await startCall(engine, ENDLESS);
    process.kill(embedded.runtime()?.pid ?? 0, "SIGKILL");
    await expect(call.text()).rejects.toMatchObject({ code: "engine_failed", retryable: true });
  });
});
