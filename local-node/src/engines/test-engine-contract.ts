import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ServedModel } from "../../../src/tunnel/protocol/messages.ts";
import type { Engine, EnginePhases } from "./engine.ts";
import { complete, readChunks, startCall } from "./test-call.ts";

const SEA = "Write one short sentence about the sea.";
const ask = { messages: [{ role: "user", content: SEA }], temperature: 0, max_tokens: 30 };
const ENDLESS = {
  messages: [{ role: "user", content: "Count from 1 to 1000." }],
  temperature: 0,
  stream: true,
};

/** An engine with the starter model in it, by the name `smollm2`. */
export interface EngineUnderTest {
  engine: Engine;
  /** The process that runs the model. */
  pid(): number;
  close(): Promise<void>;
}

/** What every engine must do, with the same real model in each. */
export function describeEngineContract(
  kind: ServedModel["engine"],
  options: {
    start: () => Promise<EngineUnderTest>;
    /** How it says that a temperature is none. */
    wrongTemperature: object;
    timeoutMs?: number;
  },
): void {
  describe(`an engine keeps its contract: ${kind}`, { timeout: options.timeoutMs ?? 60_000 }, () => {
    let under: EngineUnderTest;
    let engine: Engine;
    beforeAll(async () => {
      under = await options.start();
      engine = under.engine;
    }, options.timeoutMs ?? 120_000);
    afterAll(() => under.close());

    it("lists its model, and has slots", () => {
      expect(engine.kind).toBe(kind);
      expect(engine.models()).toEqual([
        expect.objectContaining({ id: "smollm2", engine: kind, loaded: true }),
      ]);
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
      expect(outcome).toMatchObject({ status: 400, error: options.wrongTemperature });
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
      await vi.waitFor(() => expect(phases.endUs).toBeDefined(), { timeout: 20_000 });
      expect((await complete(engine, ask)).content).toMatch(/^The sea is/);
    });

    it("fails running calls when its process is killed, in a way that may be tried again", async () => {
      const call = await startCall(engine, ENDLESS);
      process.kill(under.pid(), "SIGKILL");
      await expect(call.text()).rejects.toMatchObject({ code: "engine_failed", retryable: true });
    });
  });
}
