import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { holdModel, keyOfCachedPath, lastUsedAt, usersOf } from "./in-use.ts";

let cacheDir: string;
let folder: string;
let path: string;

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "routelet-use-"));
  folder = join(cacheDir, "hf-model");
  path = join(folder, "model.gguf");
  await mkdir(folder);
  await writeFile(path, "GGUF");
});
afterEach(() => rm(cacheDir, { recursive: true, force: true }));

test("two holds of one model are two, and each ends by itself", async () => {
  const one = await holdModel({ cacheDir, path });
  const two = await holdModel({ cacheDir, path });
  expect(await usersOf(folder)).toEqual([process.pid, process.pid]);
  await one?.release();
  expect(await usersOf(folder)).toEqual([process.pid]);
  await two?.release();
  expect(await usersOf(folder)).toEqual([]);
  expect(Math.abs(((await lastUsedAt(folder)) ?? 0) - Date.now())).toBeLessThan(60_000);
});

test("a process that was killed leaves nothing that holds", async () => {
  await writeFile(join(folder, "in-use-1.json"), JSON.stringify({ pid: 2 ** 30, host: hostname() }));
  await writeFile(join(folder, "in-use-2.json"), "not JSON");
  expect(await usersOf(folder)).toEqual([]);
  expect(await readdir(folder)).toEqual(["model.gguf"]);
});

test("a model that is gone is not held", async () => {
  await rm(path);
  expect(await holdModel({ cacheDir, path })).toBeNull();
});

test("a cache that cannot be written needs no marker: nobody can remove anything either", async () => {
  const lock = `${folder}.lock`;
  await writeFile(lock, "");
  await utimes(lock, 1, 1);
  const hold = await holdModel({ cacheDir, path });
  expect(hold).not.toBeNull();
  await hold?.release();
  expect(await readdir(folder)).toEqual(["model.gguf"]);
});

test("only a file of the cache has a key", async () => {
  expect(keyOfCachedPath(cacheDir, path)).toBe("hf-model");
  expect(keyOfCachedPath(cacheDir, "/elsewhere/model.gguf")).toBeNull();
  expect(keyOfCachedPath(cacheDir, join(cacheDir, "model.gguf"))).toBeNull();
});
