import { expect, it } from "vitest";
import { residentBytes } from "./process-memory.ts";

it.skipIf(process.platform === "win32")("is what the system says of the processes together", async () => {
  const bytes = (await residentBytes([process.pid])) ?? 0;
  expect(bytes).toBeGreaterThan(10e6);
  // Another program of the same system says much the same.
  const asked = (await residentBytes([process.pid], "darwin")) ?? bytes;
  expect(Math.abs(asked - bytes) / bytes).toBeLessThan(0.5);
});

it("is unknown for a process that is gone, and on a system that does not tell", async () => {
  expect(await residentBytes([])).toBe(0);
  expect(await residentBytes([2 ** 30])).toBeNull();
  expect(await residentBytes([process.pid], "win32")).toBeNull();
});
