import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createGpuWatch, type GpuWatch } from "./gpu-watch.ts";
import { type FakeNvidiaSmi, makeFakeNvidiaSmi } from "./testing/fake-nvidia-smi.ts";

describe.skipIf(process.platform === "win32")("watching the GPUs", () => {
  let folder: string;
  let smi: FakeNvidiaSmi;
  let watch: GpuWatch;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "routelet-watch-"));
    smi = await makeFakeNvidiaSmi(folder);
  });
  afterEach(async () => {
    watch.close();
    await rm(folder, { recursive: true, force: true });
  });
  const until = (check: () => void) => vi.waitFor(check, { timeout: 15_000 });

  it("has readings and measures energy while it is wanted", async () => {
    await smi.setReadings("0, A, 100, 60, 90, 8000, 24000\n1, B, 50, 50, 0, 1, 24000\n");
    watch = createGpuWatch({ program: smi.program, intervalMs: 100 });
    expect([watch.latest(), watch.measure().end()]).toEqual([null, null]);
    watch.want(true);
    await until(() => expect(watch.latest()).toHaveLength(2));
    const call = watch.measure();
    const begun = performance.now();
    await until(() => expect(performance.now() - begun).toBeGreaterThan(300));
    const joules = call.end();
    // Both boards: 150 W for as long as it took.
    expect(joules).toBeGreaterThan(0.15 * 300 * 0.99);
    expect(joules).toBeLessThan(0.15 * (performance.now() - begun) * 1.01);
    watch.want(false);
    expect(watch.latest()).toBeNull();
  });

  it("does not know the energy where one board tells no power", async () => {
    await smi.setReadings("0, A, 100, 60, 90, 8000, 24000\n1, B, [N/A], 50, 0, 1, 24000\n");
    watch = createGpuWatch({ program: smi.program, intervalMs: 100 });
    watch.want(true);
    await until(() => expect(watch.latest()).toHaveLength(2));
    expect(watch.measure().end()).toBeNull();
  });

  it("does without where there is no driver", async () => {
    watch = createGpuWatch({ program: join(folder, "missing"), intervalMs: 50, retryMs: 1 });
    watch.want(true);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([watch.latest(), watch.measure().end()]).toEqual([null, null]);
  });
});
