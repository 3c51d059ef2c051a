import { expect, test } from "vitest";
import type { Engine, EngineRequest } from "../engines/engine.ts";
import { measureEngine } from "./measure-engine.ts";

/** Writes ten tokens per second for each call and reads a thousand, by its own clock; tells no more than it is let. */
function pacedEngine(options: { slots: number; tells: boolean }) {
  let now = 0;
  const asked: string[] = [];
  const engine: Engine = {
    kind: "attach",
    models: () => [{ id: "m" } as ReturnType<Engine["models"]>[number]],
    slots: () => options.slots,
    placement: () => ({ pids: [], device: null }),
    onChange: () => {},
    close: async () => {},
    handle: async (request: EngineRequest) => {
      const { max_tokens: tokens, messages } = JSON.parse(new TextDecoder().decode(request.body));
      asked.push(messages[0].content);
      now += 100 / (asked.length > 2 ? 1 : 1e6);
      if (options.tells) {
        Object.assign(request.phases, {
          prefillStartUs: 0,
          firstTokenUs: 500_000,
          promptTokens: 600,
          reusedTokens: 100,
          completionTokens: tokens,
        });
      }
      return { status: 200, headers: {}, body: chunks() };
    },
  };
  async function* chunks() {
    yield new Uint8Array(1);
  }
  return { engine, asked, now: () => now };
}

test("gives speeds from what the engine tells, and skips more calls at once than it runs", async () => {
  const { engine, asked, now } = pacedEngine({ slots: 4, tells: true });
  const measure = () => ({ end: () => 40 });
  const figures = await measureEngine({ engine, streams: [1, 4, 8], tokens: 10, measure, now });
  expect(figures).toEqual({
    model: "m",
    promptTokensPerSecond: 1_000,
    streams: [
      { streams: 1, tokensPerSecond: 100, firstTokenMs: 500, joulesPerToken: 4 },
      { streams: 4, tokensPerSecond: expect.closeTo(100), firstTokenMs: 500, joulesPerToken: 1 },
    ],
    skipped: [8],
  });
  expect(asked).toHaveLength(2 + 1 + 4);
  expect(new Set(asked).size).toBe(asked.length);
});

test("does not make up what is not known", async () => {
  const { engine, now } = pacedEngine({ slots: 1, tells: false });
  const figures = await measureEngine({ engine, streams: [1], tokens: 10, measure: () => null, now });
  expect(figures.promptTokensPerSecond).toBeNull();
  expect(figures.streams[0]).toMatchObject({ tokensPerSecond: null, joulesPerToken: null });
});
