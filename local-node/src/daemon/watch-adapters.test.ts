import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ggufWithData } from "../models/testing/small-gguf.ts";
import { testAdapter } from "../models/testing/test-adapter.ts";
import type { NodeConfig } from "./config/schema.ts";
import { adapterFolder } from "./find-adapters.ts";
import type { NodeModel } from "./start-engines.ts";
import { type AdapterWatch, watchAdapters } from "./watch-adapters.ts";

describe("the adapters of a model", () => {
  let cacheDir: string;
  let watch: AdapterWatch;
  let model: NodeModel;
  let configured: NodeConfig["engines"]["embedded"]["adapters"];
  let lines: string[];
  let told: string[];
  const put = async (name: string, seed: number, folder = adapterFolder(cacheDir, "base")) => {
    await mkdir(folder, { recursive: true });
    const path = join(folder, `${name}.gguf`);
    await writeFile(path, await testAdapter(model.path, { seed }));
    return path;
  };
  const names = () => watch.of("base").map(({ name }) => name);
  beforeEach(async () => {
    cacheDir = await mkdtemp(join(tmpdir(), "routelet-adapters-"));
    const tensors = [{ name: "blk.0.ffn_down.weight", dimensions: [8, 4], data: new Float32Array(32) }];
    const path = join(cacheDir, "base.gguf");
    await writeFile(path, ggufWithData([["general.architecture", "llama"]], tensors));
    model = { id: "base", path, sha256: "b".repeat(64), bytes: 1, kind: "chat" };
    configured = [];
    lines = [];
    told = [];
    watch = watchAdapters({
      config: () => configured,
      cacheDir,
      onChange: (id, adapters) => told.push(`${id}: ${adapters.map(({ name }) => name).join(" ")}`),
      log: (_, message) => lines.push(message),
      lookMs: 10,
    });
  });
  afterEach(async () => {
    watch.close();
    await rm(cacheDir, { recursive: true });
  });

  it("are those in its folder and those that the configuration names, which go first", async () => {
    await put("tone", 1);
    await put("style", 2);
    const elsewhere = await put("other", 3, join(cacheDir, "elsewhere"));
    configured = [
      { name: "style", path: elsewhere },
      { name: "not-mine", path: elsewhere, base: "another" },
    ];
    await watch.add(model, true);
    expect(watch.of("base").map(({ name, path }) => [name, path])).toEqual([
      ["style", elsewhere],
      ["tone", join(adapterFolder(cacheDir, "base"), "tone.gguf")],
    ]);
    expect(told).toEqual(["base: style tone"]);
  });

  it("are not those that the configuration names for the main model, where it is a further one", async () => {
    configured = [{ name: "tone", path: await put("tone", 1, join(cacheDir, "elsewhere")) }];
    await watch.add(model, false);
    expect(names()).toEqual([]);
    configured = [{ ...configured[0], base: "base" } as (typeof configured)[number]];
    await watch.look();
    expect(names()).toEqual(["tone"]);
  });

  it("come, change and go with their files, without a start", async () => {
    await watch.add(model, true);
    expect(names()).toEqual([]);
    const path = await put("tone", 1);
    await vi.waitFor(() => expect(names()).toEqual(["tone"]), { timeout: 20_000 });
    const [before] = watch.of("base");
    await put("tone", 2);
    await vi.waitFor(() => expect(watch.of("base")[0]?.sha256).not.toBe(before?.sha256), { timeout: 20_000 });
    await rm(path);
    await vi.waitFor(() => expect(names()).toEqual([]), { timeout: 20_000 });
  });

  it("are left out where they do not fit or have another hash, and the log says why, once", async () => {
    const path = await put("tone", 1);
    await put("good", 1);
    await writeFile(join(adapterFolder(cacheDir, "base"), "broken.gguf"), "<html>");
    configured = [{ name: "tone", path, sha256: "c".repeat(64) }];
    await watch.add(model, true);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(names()).toEqual(["good"]);
    const problems = lines.filter((line) => line.includes("left out"));
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatch(/^The adapter tone of base is left out: .*should have c{64}/);
    expect(problems[1]).toMatch(/^The adapter broken of base is left out: .*not GGUF/);
  });
});
