import { expect, test } from "vitest";
import { CHAT_ONLY } from "../../../src/tunnel/protocol/messages.ts";
import type { Engine } from "../engines/engine.ts";
import { createEngineSet } from "./engine-set.ts";

function engine(id: string, closed: string[]): Engine {
  return {
    kind: "attach",
    models: () => [
      {
        id,
        engine: "attach",
        loaded: true,
        fileSha256: null,
        quantisation: null,
        contextTokens: null,
        capabilities: CHAT_ONLY,
        tokensPerSecond: null,
      },
    ],
    slots: () => 1,
    placement: () => ({ pids: [], device: null }),
    handle: () => Promise.reject(new Error("asked")),
    onChange: () => {},
    close: async () => void closed.push(id),
  };
}

test("engines go and come back; meanwhile their models are known as not loaded", async () => {
  const closed: string[] = [];
  let changes = 0;
  const set = createEngineSet({
    open: async (add) => {
      for (const id of ["a", "b"]) add(engine(id, closed));
    },
    onChange: () => changes++,
  });
  expect([set.list().length, set.models()]).toEqual([0, []]);
  await set.start();
  await set.start();
  expect(set.models().map(({ id, loaded }) => [id, loaded])).toEqual([
    ["a", true],
    ["b", true],
  ]);
  await set.stop();
  await set.stop();
  expect([closed, set.list().length, set.models().map(({ loaded }) => loaded)]).toEqual([
    ["a", "b"],
    0,
    [false, false],
  ]);
  await set.start();
  expect([set.list().length, changes]).toEqual([2, 3]);
});

test("when one cannot start, none is left", async () => {
  const closed: string[] = [];
  const set = createEngineSet({
    open: async (add) => {
      add(engine("a", closed));
      throw new Error("does not fit");
    },
    onChange: () => {},
  });
  await expect(set.start()).rejects.toThrow("does not fit");
  expect([closed, set.list().length]).toEqual([["a"], 0]);
});

test("closed while they start, they end once they have started", async () => {
  const closed: string[] = [];
  const opening = Promise.withResolvers<void>();
  const set = createEngineSet({
    open: async (add) => {
      await opening.promise;
      add(engine("a", closed));
    },
    onChange: () => {},
  });
  const starting = set.start();
  await set.close();
  opening.resolve();
  await starting;
  expect([closed, set.list().length]).toEqual([["a"], 0]);
});
