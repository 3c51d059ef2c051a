import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createConsole } from "../daemon/console.ts";
import { nodePaths } from "../daemon/paths.ts";
import { ensureModel } from "../models/ensure-model.ts";
import { holdModel } from "../models/in-use.ts";
import { type FileServer, startFileServer } from "../models/testing/file-server.ts";
import { smallGguf } from "../models/testing/small-gguf.ts";
import type { CommandContext } from "./command.ts";
import { modelsLs, modelsPull, modelsRm } from "./models.ts";

let server: FileServer;
let folder: string;
let cacheDir: string;
let printed: string[];
let context: CommandContext;

beforeEach(async () => {
  server = await startFileServer();
  folder = await mkdtemp(join(tmpdir(), "routelet-models-cli-"));
  cacheDir = join(folder, "cache");
  printed = [];
  const env = {
    ROUTELET_CACHE: cacheDir,
    ROUTELET_STATE: join(folder, "state"),
    ROUTELET_CACHE_QUOTA: "1GB",
  };
  context = {
    env,
    paths: nodePaths(env),
    print: (line) => printed.push(line),
    console: createConsole({ stream: new PassThrough().resume(), json: true }),
    confirm: null,
    screen: null,
  };
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function pulled(name: string): Promise<string> {
  server.files.set(`/${name}.gguf`, { body: smallGguf(undefined, 1000) });
  const reference = `${server.url}/${name}.gguf`;
  return (await ensureModel({ reference, cacheDir, fetch, env: {} })).path;
}

describe("models ls --json", () => {
  test("tells what is there, what is unfinished, what is loaded, and what could be fetched", async () => {
    const path = await pulled("mine");
    const hold = await holdModel({ cacheDir, path });
    await mkdir(join(cacheDir, "half"));
    await writeFile(join(cacheDir, "half", "download.part"), "GGUF");
    await modelsLs.run(context, [], { json: true });
    await hold?.release();
    const found = JSON.parse(printed[0] ?? "");
    expect(found).toMatchObject({
      cacheDir,
      quotaBytes: 1e9,
      models: [{ id: "mine", users: [process.pid], kind: "chat", estimate: { fits: true } }],
      unfinished: [{ key: "half", bytes: 4 }],
    });
    expect(found.catalogue).toContainEqual(
      expect.objectContaining({ id: "smollm2-135m-instruct", licence: "Apache-2.0", fits: true }),
    );
  });
});

describe("models ls", () => {
  test("says of each model whether it fits, what is cached included, and what cannot be read", async () => {
    await pulled("mine");
    const broken = await pulled("broken");
    await writeFile(broken, "<html>");
    await modelsLs.run(context, [], {});
    const line = (id: string) => printed.find((one) => one.startsWith(`  ${id}  `));
    expect(line("mine")).toMatch(/suits this machine \(about .* tokens\/s on the (CPU|GPU)/);
    expect(line("broken")).toMatch(/its file cannot be read$/);
  });
});

describe("models pull", () => {
  test("--quota wins over the variable, and a refused download lets the command end", async () => {
    server.files.set("/big.gguf", { body: smallGguf(undefined, 5_000_000) });
    await expect(modelsPull.run(context, [`${server.url}/big.gguf`], { quota: "4MB" })).rejects.toMatchObject(
      {
        code: "quota_exceeded",
      },
    );
    await modelsPull.run(context, [`${server.url}/big.gguf`], {});
    expect(printed.at(-1)).toMatch(/^big {2}5\.0 MB {2}sha256:/);
  });

  test("a quota that is no size is explained", async () => {
    await expect(modelsPull.run(context, ["x"], { quota: "lots" })).rejects.toThrow(/cache\.quota.*50GB/);
  });
});

describe("models rm", () => {
  test("leaves alone what a daemon has loaded, unless it is told to", async () => {
    const path = await pulled("mine");
    await holdModel({ cacheDir, path });
    await expect(modelsRm.run(context, ["mine"], {})).rejects.toMatchObject({
      code: "in_use",
      message: expect.stringContaining(`loaded by process ${process.pid}`),
    });
    await modelsRm.run(context, ["mine"], { force: true });
    expect(printed.at(-1)).toMatch(/^Removed mine /);
    await expect(modelsRm.run(context, ["mine"], {})).rejects.toMatchObject({ code: "not_found" });
  });

  test("removes what a download left", async () => {
    await mkdir(join(cacheDir, "half"), { recursive: true });
    await writeFile(join(cacheDir, "half", "download.part"), "GGUF");
    await modelsRm.run(context, ["half"], {});
    expect(printed).toEqual(["Removed half (4 B)."]);
  });
});
