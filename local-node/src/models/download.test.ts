import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type DownloadOptions, download } from "./download.ts";
import { type FileServer, startFileServer } from "./testing/file-server.ts";

const BODY = randomBytes(300_000);
const SHA256 = createHash("sha256").update(BODY).digest("hex");

let server: FileServer;
let folder: string;
let part: string;

beforeEach(async () => {
  server = await startFileServer();
  folder = await mkdtemp(join(tmpdir(), "routelet-download-"));
  part = join(folder, "download.part");
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

function get(overrides: Partial<DownloadOptions> = {}) {
  return download({
    url: `${server.url}/file`,
    headers: {},
    part,
    sha256: SHA256,
    bytes: BODY.length,
    fetch,
    backoffMs: () => 1,
    ...overrides,
  });
}

describe("download", () => {
  test("fetches, hashes and reports progress up to the end", async () => {
    server.files.set("/file", { body: BODY });
    const seen: number[] = [];
    const result = await get({ onProgress: ({ done }) => seen.push(done) });
    expect(result).toEqual({ sha256: SHA256, bytes: BODY.length });
    expect(await readFile(part)).toEqual(BODY);
    expect(seen.at(-1)).toBe(BODY.length);
  });

  test("a connection cut half way goes on from there, guarded by the ETag", async () => {
    server.files.set("/file", { body: BODY, cuts: [100_000, 50_000] });
    await get();
    expect(await readFile(part)).toEqual(BODY);
    expect(server.requests).toHaveLength(3);
    const [, second, third] = server.requests;
    expect(Number(/\d+/.exec(second?.range ?? "")?.[0])).toBeGreaterThan(0);
    expect(second?.ifRange).toMatch(/^"/);
    expect(third?.status).toBe(206);
  });

  test("an earlier process's part is gone on with", async () => {
    server.files.set("/file", { body: BODY, cuts: [120_000, 0, 0, 0, 0] });
    await expect(get()).rejects.toMatchObject({ code: "unreachable" });
    const kept = (await stat(part)).size;
    expect(kept).toBeGreaterThan(0);
    server.files.set("/file", { body: BODY });
    server.requests.length = 0;
    await get();
    expect(server.requests.map((request) => request.range)).toEqual([`bytes=${kept}-`]);
    expect(await readFile(part)).toEqual(BODY);
  });

  test("a server that ignores Range makes it begin again", async () => {
    server.files.set("/file", { body: BODY, ignoresRange: true, cuts: [100_000] });
    await get();
    expect(await readFile(part)).toEqual(BODY);
  });

  test("a file that changed meanwhile is not patched together", async () => {
    const old = randomBytes(BODY.length);
    server.files.set("/file", { body: old, cuts: [100_000, 0, 0, 0, 0] });
    await expect(get({ sha256: null })).rejects.toMatchObject({ code: "unreachable" });
    server.files.set("/file", { body: BODY });
    await get({ sha256: null });
    expect(await readFile(part)).toEqual(BODY);
  });

  test("a spoilt part of an earlier process costs one more fetch, not a failure", async () => {
    server.files.set("/file", { body: BODY });
    await writeFile(part, randomBytes(1000));
    await writeFile(
      `${part}.json`,
      JSON.stringify({ url: `${server.url}/file`, sha256: SHA256, validator: null }),
    );
    await get();
    expect(await readFile(part)).toEqual(BODY);
  });

  test("a part that is longer than the file is thrown away", async () => {
    server.files.set("/file", { body: BODY });
    await writeFile(part, randomBytes(BODY.length + 5));
    await writeFile(`${part}.json`, JSON.stringify({ url: "x", sha256: SHA256, validator: null }));
    await get();
    expect(await readFile(part)).toEqual(BODY);
  });

  test("a wrong hash keeps nothing and says so", async () => {
    server.files.set("/file", { body: randomBytes(BODY.length) });
    await expect(get()).rejects.toMatchObject({ code: "hash_mismatch" });
    await expect(stat(part)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.each([
    [404, "not_found"],
    [403, "forbidden"],
    [401, "forbidden"],
    [400, "unreachable"],
  ])("status %i is final", async (status, code) => {
    server.files.set("/file", { body: BODY, status });
    await expect(get()).rejects.toMatchObject({ code });
    expect(server.requests).toHaveLength(1);
  });

  test("status 503 is tried again, and then given up", async () => {
    server.files.set("/file", { body: BODY, status: 503 });
    await expect(get()).rejects.toMatchObject({ code: "unreachable" });
    expect(server.requests).toHaveLength(4);
  });

  test("too little free space is said before a byte is fetched into it", async () => {
    server.files.set("/file", { body: BODY });
    const failure = get({ free: async () => 1_000_000 });
    await expect(failure).rejects.toMatchObject({ code: "disk_full" });
    await expect(failure).rejects.toThrow(/1\.0 MB free.*67.* MB more are needed.*ROUTELET_CACHE/);
    expect((await stat(part)).size).toBe(0);
  });

  test.runIf(process.platform === "linux")("a disk that fills up is one clear line", async () => {
    server.files.set("/file", { body: BODY });
    await symlink("/dev/full", part);
    await writeFile(`${part}.json`, JSON.stringify({ url: "x", sha256: SHA256, validator: null }));
    const failure = get({ free: async () => 1e12 });
    await expect(failure).rejects.toMatchObject({ code: "disk_full" });
    await expect(failure).rejects.toThrow(/is full.*300 kB more are needed/);
  });

  test("stopping ends it at once and keeps the part", async () => {
    server.files.set("/file", { body: BODY, cuts: [100_000, 0, 0] });
    const stop = new AbortController();
    const failure = get({
      signal: stop.signal,
      backoffMs: () => 60_000,
      onProgress: ({ done }) => done >= 100_000 && stop.abort(),
    });
    await expect(failure).rejects.toMatchObject({ code: "cancelled" });
    expect((await stat(part)).size).toBeGreaterThan(0);
  });
});

describe("redirects", () => {
  let other: FileServer;
  beforeEach(async () => {
    other = await startFileServer();
  });
  afterEach(() => other.close());

  test("are followed", async () => {
    other.files.set("/real", { body: BODY });
    server.files.set("/file", { body: Buffer.alloc(0), location: `${other.url}/real` });
    await get();
    expect(await readFile(part)).toEqual(BODY);
  });

  test("threat: credentials for the index never reach another origin", async () => {
    other.files.set("/real", { body: BODY });
    server.files.set("/file", { body: Buffer.alloc(0), location: `${other.url}/real` });
    await get({ headers: { authorization: "Basic c2VjcmV0" } });
    expect(server.requests[0]?.authorization).toBe("Basic c2VjcmV0");
    expect(other.requests[0]?.authorization).toBeNull();
  });

  test("threat: a redirect to plain http elsewhere is refused", async () => {
    server.files.set("/file", { body: Buffer.alloc(0), location: "http://192.0.2.1/real" });
    await expect(get()).rejects.toThrow(/refused/);
  });

  test("a loop of redirects ends", async () => {
    server.files.set("/file", { body: Buffer.alloc(0), location: "/file" });
    await expect(get()).rejects.toThrow(/more than 8 times/);
  });
});
