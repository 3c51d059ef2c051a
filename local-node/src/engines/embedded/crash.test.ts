import { describe, expect, it, vi } from "vitest";
import { startCall } from "../test-call.ts";
import { testModelPath } from "../test-model.ts";
import { createEmbeddedEngine } from "./embedded.ts";

vi.setConfig({ testTimeout: 180_000 });

const ENDLESS = {
  messages: [{ role: "user", content: "Count from 1 to 1000." }],
  temperature: 0,
  stream: true,
};

describe("a model whose process ends again and again", () => {
  it("is started again twice, then taken out of service, and every call fails so that another may answer", async () => {
    const log: string[] = [];
    const engine = await createEmbeddedEngine({
      modelId: "smollm2",
      modelPath: await testModelPath(),
      fileSha256: "a".repeat(64),
      quantisation: "Q4_1",
      contextTokens: 512,
      log: (_, message) => log.push(message),
    });
    const changes: number[] = [];
    engine.onChange(() => changes.push(engine.models().length));
    for (let crash = 1; crash <= 3; crash++) {
      await vi.waitFor(() => expect(engine.models()[0]?.loaded).toBe(true), { timeout: 60_000 });
      const call = await startCall(engine, ENDLESS);
      process.kill(engine.runtime()?.pid ?? 0, "SIGSEGV");
      await expect(call.text()).rejects.toMatchObject({ code: "engine_failed", retryable: true });
    }
    expect(engine.models()).toEqual([]);
    expect(engine.slots()).toBe(0);
    expect(changes.at(-1)).toBe(0);
    await expect(startCall(engine, ENDLESS, { model: "smollm2" })).rejects.toMatchObject({
      code: "model_out_of_service",
      status: 503,
      retryable: true,
    });
    expect(log.filter((message) => message.includes("started again"))).toHaveLength(2);
    expect(log.at(-1)).toMatch(/ended 3 times in a row \(SIGSEGV\).*out of service/);
    await engine.close();
  });
});
