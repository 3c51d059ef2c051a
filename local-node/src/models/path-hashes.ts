import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { readFile, realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "./make-folder.ts";

/**
 * The hash of a file that the user keeps elsewhere, remembered by its identity (path, size, modification time,
 * inode), since hashing gigabytes at every start takes longer than loading them.
 */
export async function knownHash(options: {
  cacheDir: string;
  path: string;
  info: Stats;
  compute: () => Promise<string>;
}): Promise<string> {
  const real = await realpath(options.path);
  const folder = join(options.cacheDir, ".path-hashes");
  const note = join(folder, `${createHash("sha256").update(real).digest("hex").slice(0, 32)}.json`);
  const identity = `${options.info.size}:${options.info.mtimeMs}:${options.info.ino}`;
  try {
    const value = JSON.parse(await readFile(note, "utf8")) as { identity?: unknown; sha256?: unknown };
    if (
      value.identity === identity &&
      typeof value.sha256 === "string" &&
      /^[0-9a-f]{64}$/.test(value.sha256)
    ) {
      return value.sha256;
    }
  } catch {
    // Not known yet.
  }
  const sha256 = await options.compute();
  try {
    await makeFolder(folder);
    await writeFile(note, JSON.stringify({ identity, sha256 }), { mode: 0o600 });
  } catch {
    // A cache that cannot be written costs time at the next start, nothing else.
  }
  return sha256;
}
