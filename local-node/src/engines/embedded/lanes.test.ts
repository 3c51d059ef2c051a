import { describe, expect, it } from "vitest";
import type { Adapter } from "../../models/adapter.ts";
import { createLanes } from "./lanes.ts";

const adapter = (name: string, sha256 = name): Adapter => ({ name, path: `/${name}`, sha256, bytes: 1 });

/** Lanes in a memory that has room for so many beside the base; `log` has what was opened and closed. */
function lanesFor(room: number) {
  const log: string[] = [];
  let taken = 0;
  const lanes = createLanes<string, number>({
    base: "base",
    reserve: async () => (taken < room ? ++taken : null),
    async open({ name, sha256 }) {
      await Promise.resolve();
      if (name === "broken") throw new Error("broken");
      log.push(`open ${sha256}`);
      return { lane: name, close: async () => void log.push(`close ${sha256}`) };
    },
    settled: () => {},
    release: () => void taken--,
  });
  return { lanes, log, taken: () => taken };
}

describe("lanes of adapters", () => {
  it("are opened once, whoever asks, and the base is always there", async () => {
    const { lanes, log } = lanesFor(2);
    const entered = await Promise.all([
      lanes.enter(adapter("a")),
      lanes.enter(adapter("a")),
      lanes.enter(null),
    ]);
    expect(entered.map(({ lane }) => lane)).toEqual(["a", "a", "base"]);
    for (const { leave } of entered) leave();
    expect((await lanes.enter(adapter("a"))).lane).toBe("a");
    expect(log).toEqual(["open a"]);
  });

  it("give way where nobody is in them, those that were used longest ago first", async () => {
    const { lanes, log } = lanesFor(2);
    for (const name of ["a", "b", "a", "c", "a", "b"]) (await lanes.enter(adapter(name))).leave();
    expect(log).toEqual(["open a", "open b", "close b", "open c", "close c", "open b"]);
    expect(lanes.open().toSorted()).toEqual(["a", "b"]);
  });

  it("are waited for while somebody is in them", async () => {
    const { lanes, log } = lanesFor(1);
    const first = await lanes.enter(adapter("a"));
    const again = await lanes.enter(adapter("a"));
    const second = lanes.enter(adapter("b"));
    first.leave();
    first.leave();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(log).toEqual(["open a"]);
    again.leave();
    expect((await second).lane).toBe("b");
    expect(log).toEqual(["open a", "close a", "open b"]);
  });

  it("are refused where there is no memory for any, and tried again the next time", async () => {
    const { lanes } = lanesFor(0);
    for (const _ of [1, 2])
      await expect(lanes.enter(adapter("a"))).rejects.toMatchObject({ status: 503, code: "does_not_fit" });
  });

  it("that cannot be opened give their memory back", async () => {
    const { lanes, taken } = lanesFor(1);
    await expect(lanes.enter(adapter("broken"))).rejects.toThrow("broken");
    expect(taken()).toBe(0);
    expect((await lanes.enter(adapter("a"))).lane).toBe("a");
  });

  it("of a file that was replaced are closed before the new one is read from the same path", async () => {
    const { lanes, log } = lanesFor(4);
    const old = await lanes.enter(adapter("a", "1"));
    const next = lanes.enter(adapter("a", "2"));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(log).toEqual(["open 1"]);
    old.leave();
    await next;
    expect(log).toEqual(["open 1", "close 1", "open 2"]);
  });
});
