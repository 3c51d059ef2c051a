import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { startCall } from "../test-call.ts";
import { listen, type TestServer } from "../test-server.ts";
import { findLlamaServer } from "./find-server.ts";
import { createLlamaServerEngine, type LlamaServerEngine } from "./llama-server.ts";
import { makeTestBinary } from "./test-binary.ts";
import type { Fault } from "./test-fake-server.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let binary: Awaited<ReturnType<typeof makeTestBinary>>;
let upstream: TestServer;
/** Request bodies that reached what stands behind the server. */
const asked: string[] = [];
const engines: LlamaServerEngine[] = [];

beforeAll(async () => {
  binary = await makeTestBinary();
  upstream = await listen((request, response) => {
    request.on("data", (chunk) => asked.push(String(chunk)));
    request.on("end", () => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n');
      setTimeout(() => response.end("data: [DONE]\n\n"), 200);
    });
  });
});
afterAll(async () => {
  await upstream.close();
  await binary.remove();
});
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
});

async function start(
  fault: Fault | null,
  options: Partial<Parameters<typeof createLlamaServerEngine>[0]> = {},
): Promise<LlamaServerEngine> {
  const engine = await createLlamaServerEngine({
    binary: binary.path,
    modelId: "m",
    modelPath: "/models/m.gguf",
    fileSha256: "a".repeat(64),
    quantisation: "Q8_0",
    contextTokens: 512,
    slots: 3,
    probe: false,
    random: () => 0,
    pollMs: 20,
    args: ["--fake-upstream", upstream.baseUrl, ...(fault === null ? [] : ["--fake-fault", fault])],
    ...options,
  });
  engines.push(engine);
  return engine;
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe("a managed llama-server", () => {
  it("tells what it serves, from what the server says of itself", async () => {
    const engine = await start(null);
    expect(engine.models()).toEqual([
      expect.objectContaining({ id: "m", engine: "llama-server", quantisation: "Q8_0", contextTokens: 512 }),
    ]);
    expect(engine.slots()).toBe(3);
    expect(engine.runtime()?.build).toBe("b0-fake");
    expect(engine.placement()).toEqual({ pids: [engine.runtime()?.pid], device: null });
  });

  it("keeps its key from arguments and from everybody else on the machine", async () => {
    const engine = await start(null);
    const { baseUrl = "" } = engine.runtime() ?? {};
    expect(baseUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/);
    const answer = await fetch(`${baseUrl}/chat/completions`, { method: "POST", body: "{}" });
    expect(answer.status).toBe(401);
    expect((await startCall(engine, { stream: true })).status).toBe(200);
  });

  it("takes nothing from variables that were meant for another server", async () => {
    vi.stubEnv("LLAMA_API_KEY", "everybody-knows");
    try {
      const engine = await start(null);
      const answer = await fetch(`${engine.runtime()?.baseUrl}/chat/completions`, {
        method: "POST",
        headers: { authorization: "Bearer everybody-knows" },
        body: "{}",
      });
      expect(answer.status).toBe(401);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it("is asked what it can do, once", async () => {
    asked.length = 0;
    const engine = await start(null, { probe: true });
    await engine.probed();
    expect(asked.filter((body) => body.includes("json_schema"))).toHaveLength(1);
    // The stream behind it proves nothing but that it answers.
    expect(engine.models()[0]?.capabilities).toMatchObject({ jsonSchema: false });
  });

  it("is gone, with its keeper, when the engine closes", async () => {
    const engine = await start(null);
    const pid = engine.runtime()?.pid ?? 0;
    expect(isAlive(pid)).toBe(true);
    await engine.close();
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 20_000 });
  });

  it("starts again after a crash, and says both", async () => {
    const logged: string[] = [];
    const engine = await start("crashes", { log: (_, message) => logged.push(message) });
    const seen: boolean[] = [];
    engine.onChange(() => seen.push(engine.models()[0]?.loaded ?? false));
    const call = await startCall(engine, { stream: true });
    await expect(call.text()).rejects.toMatchObject({ code: "engine_failed", retryable: true });
    await vi.waitFor(() => expect(seen).toEqual([false, true]), { timeout: 20_000 });
    expect(logged).toEqual(["llama-server ended (SIGSEGV). It is started again."]);
    expect((await startCall(engine, {})).status).toBe(200);
  });

  it("takes no calls while it starts again", async () => {
    const engine = await start("crashes");
    const call = await startCall(engine, { stream: true });
    await expect(call.text()).rejects.toThrow();
    await vi.waitFor(() => expect(engine.slots()).toBe(0), { interval: 5, timeout: 20_000 });
    await expect(startCall(engine, {})).rejects.toMatchObject({ code: "model_not_loaded", retryable: true });
  });

  it("is out of service after three crashes in a row, and says so", async () => {
    const logged: string[] = [];
    const engine = await start("crashes", { log: (_, message) => logged.push(message) });
    for (let crash = 1; crash <= 3; crash++) {
      await vi.waitFor(() => expect(engine.slots()).toBe(3), { timeout: 20_000 });
      const call = await startCall(engine, { stream: true });
      await expect(call.text()).rejects.toThrow();
      await vi.waitFor(() => expect(logged).toHaveLength(crash), { timeout: 20_000 });
    }
    expect(logged.at(-1)).toMatch(
      /^The model's process ended 3 times in a row \(llama-server ended \(SIGSEGV\)\)/,
    );
    expect(engine.models()).toEqual([]);
    await expect(startCall(engine, {}, { model: "m" })).rejects.toMatchObject({
      code: "model_out_of_service",
    });
  });

  it("is ended and started again when it answers no more", async () => {
    const logged: string[] = [];
    const engine = await start("hangs", { watchMs: 50, log: (_, message) => logged.push(message) });
    const pid = engine.runtime()?.pid ?? 0;
    await (await startCall(engine, {})).text();
    await vi.waitFor(() => expect(engine.runtime()?.pid).not.toBe(pid), { timeout: 40_000 });
    expect(logged).toEqual(["llama-server did not answer any more, and was ended. It is started again."]);
    expect(isAlive(pid)).toBe(false);
  });

  it.each<[Fault, RegExp]>([
    ["cannot-load", /^llama-server ended \(exit code 1\): main: exiting due to model loading error\.$/],
    ["open-to-all", /^llama-server answers without its key; a newer build/],
    ["old-build", /^llama-server does not say what it serves/],
  ])("is refused in one line when it %s", async (fault, message) => {
    await expect(start(fault)).rejects.toMatchObject({
      code: "model_load_failed",
      message: expect.stringMatching(message),
    });
  });

  it("is refused in one line when it cannot be run", async () => {
    await expect(start(null, { binary: join(binary.folder, "none") })).rejects.toMatchObject({
      code: "model_load_failed",
      message: expect.stringMatching(/^llama-server ended \(spawn .*none ENOENT\)\.$/),
    });
  });
});

describe("where a llama-server is looked for", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "routelet-path-"));
    await writeFile(join(folder, "llama-server"), "");
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("is PATH, for a file that can be run", async () => {
    const env = { PATH: ["relative", folder, binary.folder].join(delimiter) };
    expect(await findLlamaServer({ env })).toBe(binary.path);
    await chmod(join(folder, "llama-server"), 0o755);
    expect(await findLlamaServer({ env })).toBe(join(folder, "llama-server"));
    expect(await findLlamaServer({ env: { PATH: tmpdir() } })).toBeNull();
  });

  it("is the configured path alone, where there is one", async () => {
    const env = { PATH: binary.folder };
    expect(await findLlamaServer({ configured: binary.path, env: {} })).toBe(binary.path);
    expect(await findLlamaServer({ configured: join(folder, "none"), env })).toBeNull();
  });
});
