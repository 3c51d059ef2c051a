import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { listCached, withKeyLock } from "./cache.ts";
import { ensureModel } from "./ensure-model.ts";
import { holdModel } from "./in-use.ts";
import { type CacheEntry, chooseEvictions, listCache, makeRoom } from "./quota.ts";
import { type FileServer, startFileServer } from "./testing/file-server.ts";
import { smallGguf } from "./testing/small-gguf.ts";

const SIZE = 100_000;
const GGUF = smallGguf(undefined, SIZE - smallGguf().length);

let server: FileServer;
let cacheDir: string;
let lines: string[];
const sleepers: ChildProcess[] = [];

beforeEach(async () => {
  server = await startFileServer();
  cacheDir = await mkdtemp(join(tmpdir(), "routelet-quota-"));
  lines = [];
});
afterEach(async () => {
  for (const child of sleepers.splice(0)) child.kill("SIGKILL");
  await server.close();
  await rm(cacheDir, { recursive: true, force: true });
});

/** Fetches a model of 100 kB; its last use is then `age` seconds ago. */
async function pull(name: string, options: { quotaBytes?: number; age?: number } = {}): Promise<string> {
  server.files.set(`/${name}.gguf`, { body: GGUF });
  const { path } = await ensureModel({
    reference: `${server.url}/${name}.gguf`,
    cacheDir,
    fetch,
    env: {},
    quotaBytes: options.quotaBytes,
    log: (line) => lines.push(line),
    backoffMs: () => 1,
  });
  if (options.age !== undefined) {
    const hold = await holdModel({ cacheDir, path });
    await hold?.release();
    const at = Date.now() / 1000 - options.age;
    await utimes(join(path, "..", "last-used"), at, at);
  }
  return path;
}

async function ids(): Promise<string[]> {
  return (await listCached(cacheDir)).map((model) => model.id).sort();
}

describe("the cache's quota", () => {
  test("takes the model away that was used longest ago, and says so", async () => {
    await pull("old", { age: 300 });
    await pull("newer", { age: 100 });
    await pull("newest", { quotaBytes: SIZE * 2.5 });
    expect(await ids()).toEqual(["newer", "newest"]);
    expect(lines.join("\n")).toMatch(/Removed old .*longest time.* to stay within 250 kB/);
  });

  test("never takes a model that is loaded, in this process or another one", async () => {
    const mine = await pull("mine", { age: 300 });
    const hold = await holdModel({ cacheDir, path: mine });
    const other = await pull("other", { age: 200 });
    const sleeper = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    sleepers.push(sleeper);
    await writeFile(
      join(other, "..", "in-use-other.json"),
      JSON.stringify({ pid: sleeper.pid, host: hostname() }),
    );
    await pull("free", { age: 0 });
    await pull("next", { quotaBytes: SIZE * 3.5 });
    expect(await ids()).toEqual(["mine", "next", "other"]);
    await expect(pull("last", { quotaBytes: SIZE * 2.5 })).rejects.toMatchObject({
      code: "quota_exceeded",
      message: expect.stringMatching(/100 kB more.*quota of 250 kB, of which \d+ kB are in use/),
    });
    expect(await ids()).toEqual(["mine", "next", "other"]);

    await hold?.release();
    const gone = new Promise((resolve) => sleeper.once("exit", resolve));
    sleeper.kill("SIGKILL");
    await gone;
    await pull("last", { quotaBytes: SIZE * 1.5 });
    expect(await ids()).toEqual(["last"]);
  });

  test("a model that another machine uses stays while its marker is fresh", async () => {
    const path = await pull("shared", { age: 300 });
    const marker = join(path, "..", "in-use-remote.json");
    await writeFile(marker, JSON.stringify({ pid: 1, host: "another-machine" }));
    await expect(pull("new", { quotaBytes: SIZE * 1.5 })).rejects.toMatchObject({ code: "quota_exceeded" });
    const longAgo = Date.now() / 1000 - 3_600;
    await utimes(marker, longAgo, longAgo);
    await pull("new", { quotaBytes: SIZE * 1.5 });
    expect(await ids()).toEqual(["new"]);
  });

  test("unfinished downloads go before models, but not one that goes on at this moment", async () => {
    await pull("model", { age: 300 });
    for (const key of ["left-behind", "going-on"]) {
      await mkdir(join(cacheDir, key));
      await writeFile(join(cacheDir, key, "download.part"), Buffer.alloc(SIZE / 2));
      await writeFile(
        join(cacheDir, key, "download.part.json"),
        JSON.stringify({ url: "x", sha256: null, validator: null, total: SIZE }),
      );
    }
    expect((await listCache(cacheDir)).find((entry) => entry.key === "going-on")?.bytes).toBeGreaterThan(
      SIZE,
    );
    await withKeyLock({
      cacheDir,
      key: "going-on",
      work: () => pull("next", { quotaBytes: SIZE * 3.5 }),
    });
    expect(await ids()).toEqual(["model", "next"]);
    expect((await listCache(cacheDir)).filter((entry) => entry.id === null).map(({ key }) => key)).toEqual([
      "going-on",
    ]);
  });

  test("a model larger than the quota is refused before its bytes are fetched, and nothing is removed", async () => {
    await pull("small", { age: 300 });
    await expect(pull("large", { quotaBytes: SIZE / 2 })).rejects.toMatchObject({ code: "quota_exceeded" });
    expect(await ids()).toEqual(["small"]);
    const parts = await Promise.all(
      (await listCache(cacheDir))
        .filter((entry) => entry.id === null)
        .map(({ key }) => stat(join(cacheDir, key, "download.part"))),
    );
    expect(parts.map((part) => part.size)).toEqual([0]);
  });

  test("a quota that was lowered is kept at the next look", async () => {
    await pull("a", { age: 300 });
    await pull("b", { age: 100 });
    await makeRoom({ cacheDir, quotaBytes: SIZE * 1.5, incomingBytes: 0 });
    expect(await ids()).toEqual(["b"]);
    expect((await readdir(cacheDir)).filter((name) => name.startsWith("url-a"))).toEqual([]);
  });
});

test("whatever is chosen suffices, spares what is loaded, and takes nothing in vain", () => {
  const entry = fc.record({
    key: fc.uuid(),
    id: fc.option(fc.constant("model")),
    bytes: fc.integer({ min: 1, max: 1000 }),
    lastUsedAt: fc.nat(),
    users: fc.array(fc.constant(1), { maxLength: 1 }),
  });
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 12 }),
      fc.nat(5000),
      fc.nat(1000),
      (entries: CacheEntry[], quotaBytes, incomingBytes) => {
        const sum = (some: readonly CacheEntry[]) => some.reduce((total, { bytes }) => total + bytes, 0);
        const chosen = chooseEvictions({ entries, quotaBytes, incomingBytes });
        const loaded = entries.filter((one) => one.users.length > 0);
        if (chosen === null) {
          expect(sum(loaded) + incomingBytes).toBeGreaterThan(quotaBytes);
          return;
        }
        expect(chosen.some((one) => loaded.includes(one))).toBe(false);
        const left = sum(entries) - sum(chosen) + incomingBytes;
        expect(left).toBeLessThanOrEqual(quotaBytes);
        const last = chosen.at(-1);
        if (last) expect(left + last.bytes).toBeGreaterThan(quotaBytes);
      },
    ),
  );
});
