import { mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPrefixStore, type PrefixStoreOptions } from "./prefix-store.ts";

const KILOBYTE = "x".repeat(1000);
const tokens = (count: number, first = 0) => Array.from({ length: count }, (_, index) => first + index);
const writeState = (path: string) => writeFile(path, KILOBYTE);

describe("the store of prefixes", () => {
  let folder: string;
  let problems: string[];
  let now: number;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "prefixes-"));
    problems = [];
    now = Date.now();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const open = (options: Partial<PrefixStoreOptions> = {}) =>
    openPrefixStore({
      folder: join(folder, "states"),
      key: ["model", "2 sequences"],
      maxBytes: 1_000_000,
      maxAgeMs: 60_000,
      now: () => now,
      onProblem: (message) => problems.push(message),
      ...options,
    });
  const files = async () => {
    const names = await readdir(join(folder, "states"), { recursive: true });
    return names.filter((name) => name.includes("."));
  };

  it("finds the state with the longest common beginning, also after a restart", async () => {
    const store = await open();
    await store.save(tokens(300), "p", writeState);
    await store.save([...tokens(200), ...tokens(400, 9000)], "p", writeState);
    for (const each of [store, await open()]) {
      expect(each.best(tokens(1000), "p")).toMatchObject({ common: 300, length: 300 });
      expect(each.best([...tokens(200), 9000, 1], "p")).toMatchObject({ common: 201, length: 600 });
      expect(each.best([7], "p")).toBeNull();
    }
  });

  it("keeps scopes and keys apart (nothing crosses projects, and no engine reads another's states)", async () => {
    const store = await open();
    await store.save(tokens(300), "p", writeState);
    expect(store.best(tokens(300), "q")).toBeNull();
    expect((await open({ key: ["model", "4 sequences"] })).best(tokens(300), "p")).toBeNull();
  });

  it("writes nothing that it nearly has, and drops what a longer state begins with", async () => {
    const store = await open();
    await store.save(tokens(300), "p", writeState);
    await store.save(tokens(400), "p", () => Promise.reject(new Error("written")));
    await store.save(tokens(100), "p", () => Promise.reject(new Error("written")));
    expect(problems).toEqual([]);
    await store.save(tokens(700), "p", writeState);
    expect((await files()).filter((name) => name.endsWith(".state"))).toHaveLength(1);
    expect(store.best(tokens(1000), "p")).toMatchObject({ common: 700 });
  });

  it("stays within its bytes over all keys: what was used longest ago goes", async () => {
    const other = await open({ key: ["other"] });
    await other.save(tokens(300), "p", writeState);
    const store = await open({ maxBytes: 2500 });
    for (const first of [1000, 2000]) await store.save(tokens(300, first), "p", writeState);
    const used = store.best(tokens(300, 1000), "p");
    now += 5000;
    if (used !== null) await store.load(used, () => Promise.resolve());
    await store.save(tokens(300, 3000), "p", writeState);
    expect((await files()).filter((name) => name.endsWith(".state"))).toHaveLength(2);
    expect(store.best(tokens(300, 2000), "p")).toBeNull();
    expect(store.best(tokens(300, 1000), "p")).not.toBeNull();
    const gone = other.best(tokens(300), "p");
    expect(gone === null || (await other.load(gone, async (path) => void (await stat(path))))).toBe(false);
  });

  it("removes what nobody used for long", async () => {
    const store = await open();
    await store.save(tokens(300), "p", writeState);
    const [name = ""] = (await files()).filter((each) => each.endsWith(".state"));
    const old = new Date(now - 61_000);
    await utimes(join(folder, "states", name), old, old);
    expect((await open()).best(tokens(300), "p")).toBeNull();
    expect(await files()).toEqual([]);
  });

  it("removes a state that is broken, and one that ended the process that read it", async () => {
    const store = await open();
    await store.save(tokens(300), "p", writeState);
    const first = store.best(tokens(300), "p");
    if (first === null) throw new Error("not saved");
    expect(await store.load(first, () => Promise.reject(new Error("broken")))).toBe(false);
    expect(store.best(tokens(300), "p")).toBeNull();
    expect(problems.join()).toContain("broken");

    await store.save(tokens(300), "p", writeState);
    const second = store.best(tokens(300), "p");
    if (second !== null) void store.load(second, () => new Promise(() => {}));
    await expect.poll(files).toContainEqual(expect.stringContaining(".reading"));
    expect((await open()).best(tokens(300), "p")).toBeNull();
    expect(await files()).toEqual([]);
  });

  it("costs no call anything when the disk is full, and does not try again at once", async () => {
    const store = await open({ maxAgeMs: 1e9 });
    const full = () => Promise.reject(Object.assign(new Error("no space left"), { code: "ENOSPC" }));
    await store.save(tokens(300), "p", full);
    await store.save(tokens(300), "p", writeState);
    expect(store.best(tokens(300), "p")).toBeNull();
    expect(problems).toHaveLength(1);
    now += 61_000;
    await store.save(tokens(300), "p", writeState);
    expect(store.best(tokens(300), "p")).not.toBeNull();
  });

  it.skipIf(process.platform === "win32")("is readable by its owner alone: tokens are content", async () => {
    const store = await open();
    await store.save(tokens(300), "p", writeState);
    expect((await stat(join(folder, "states"))).mode & 0o77).toBe(0);
  });
});
