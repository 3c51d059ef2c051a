import { describe, expect, it, vi } from "vitest";
import { SnapshotCache } from "./snapshot-cache.ts";

const times = { freshMs: 10, staleMs: 100, outageMs: 1_000 };

function cache(options: { maxEntries?: number } = {}) {
  const state = { now: 0, loads: 0, behind: [] as Promise<unknown>[] };
  const snapshots = new SnapshotCache<string>({ times, maxEntries: options.maxEntries ?? 10 });
  const read = (key: string, load: () => Promise<string | undefined>) =>
    snapshots.read({
      key,
      clock: () => state.now,
      waitUntil: (promise) => state.behind.push(promise),
      load: () => {
        state.loads += 1;
        return load();
      },
    });
  return { state, snapshots, read };
}

const value = (text: string | undefined) => () => Promise.resolve(text);
const failure = () => Promise.reject(new Error("down"));

describe("SnapshotCache", () => {
  it("gives each age its treatment", async () => {
    const { state, read } = cache();
    expect(await read("a", value("1"))).toBe("1");
    state.now = 9;
    expect(await read("a", value("2"))).toBe("1");
    expect(state.loads).toBe(1);
    state.now = 10;
    expect(await read("a", value("2"))).toBe("1");
    await Promise.all(state.behind);
    expect(await read("a", value("3"))).toBe("2");
    state.now = 110;
    expect(await read("a", value("4"))).toBe("4");
    expect(state.loads).toBe(3);
  });

  it("lets an old value stand in for a failing source, until it is too old", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { state, read } = cache();
    await read("a", value("1"));
    state.now = 500;
    expect(await read("a", failure)).toBe("1");
    expect(await read("a", failure)).toBe("1");
    expect(state.loads).toBe(2);
    state.now = 1_000;
    await expect(read("a", failure)).rejects.toThrow("down");
  });

  it("does not wait for a source that hangs when an old value can stand in", async () => {
    vi.useFakeTimers();
    const { state, read } = cache();
    await read("a", value("1"));
    state.now = 500;
    const reading = read("a", () => new Promise(() => undefined));
    await vi.advanceTimersByTimeAsync(1_500);
    expect(await reading).toBe("1");
    vi.useRealTimers();
  });

  it("forgets what the source no longer has, and remembers no absence", async () => {
    const { state, snapshots, read } = cache();
    expect(await read("a", value(undefined))).toBeUndefined();
    expect(snapshots.size).toBe(0);
    await read("a", value("1"));
    state.now = 100;
    expect(await read("a", value(undefined))).toBeUndefined();
    expect(snapshots.has("a")).toBe(false);
  });

  it("is bounded: what was read longest ago goes first", async () => {
    const { snapshots, read } = cache({ maxEntries: 3 });
    for (const key of ["a", "b", "c", "d"]) await read(key, value(key));
    expect(snapshots.size).toBe(3);
    expect(snapshots.has("a")).toBe(false);
    expect(snapshots.has("d")).toBe(true);
  });

  it("never lets a read that began before a change undo it", async () => {
    const { state, snapshots, read } = cache();
    await read("a", value("old"));
    state.now = 10;
    const source = Promise.withResolvers<string>();
    await read("a", () => source.promise);
    snapshots.update(() => "new");
    source.resolve("old");
    await Promise.all(state.behind);
    expect(await read("a", value("unused"))).toBe("new");
  });
});
