import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeStateFolder } from "./state-folder.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "routelet-folder-"));
});
afterEach(() => rmSync(root, { recursive: true }));

test("makes the folder and those above it, for its owner alone, and is content with one that is there", async () => {
  const folder = join(root, "a", "b");
  await makeStateFolder(folder);
  await makeStateFolder(folder);
  for (const path of [join(root, "a"), folder]) expect(statSync(path).mode & 0o777).toBe(0o700);
});

test("a file in the way is named", async () => {
  writeFileSync(join(root, "file"), "");
  for (const folder of [join(root, "file"), join(root, "file", "a", "b")])
    await expect(makeStateFolder(folder)).rejects.toThrow(
      `The folder ${folder} cannot hold the state: ${join(root, "file")} is not a folder. Set ROUTELET_STATE`,
    );
});

test("a link that leads nowhere is named, and what it points to is not made", async () => {
  symlinkSync(join(root, "nowhere"), join(root, "link"));
  for (const folder of [join(root, "link"), join(root, "link", "a")])
    await expect(makeStateFolder(folder)).rejects.toThrow(
      `${join(root, "link")} is a link that leads nowhere`,
    );
  expect(existsSync(join(root, "nowhere"))).toBe(false);
});

test.runIf(process.platform === "linux")("a folder that no one can make does not keep trying", async () => {
  await expect(makeStateFolder("/proc/routelet/a")).rejects.toThrow("/proc/routelet cannot be made (ENOENT)");
});
