import { lstat, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** A folder cannot be made; the message says which part of its path stands in the way, and why. */
export class FolderError extends Error {
  override readonly name = "FolderError";
}

/**
 * Makes a folder with mode 0700 where it is missing, and those above it. Node.js's own `recursive` tries for ever
 * where a folder above exists and refuses with ENOENT: in `/proc`, and below a link that leads nowhere.
 * @throws {FolderError}
 */
export async function makeFolder(folder: string): Promise<void> {
  const missing: string[] = [];
  let existing = folder;
  while ((await isMissing(existing)) && dirname(existing) !== existing) {
    missing.unshift(existing);
    existing = dirname(existing);
  }
  for (const path of missing) {
    try {
      await mkdir(path, { mode: 0o700 });
    } catch (error) {
      const code = codeOf(error);
      // Another process may have made it meanwhile.
      if (code !== "EEXIST") throw new FolderError(`${path} cannot be made (${code})`, { cause: error });
    }
  }
}

async function isMissing(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return false;
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOTDIR") return true;
    if (code !== "ENOENT") throw new FolderError(`${path} cannot be read (${code})`, { cause: error });
    const isLink = await lstat(path).then(
      () => true,
      () => false,
    );
    if (isLink) throw new FolderError(`${path} is a link that leads nowhere`, { cause: error });
    return true;
  }
  throw new FolderError(`${path} is not a folder`);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
