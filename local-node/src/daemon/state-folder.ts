import { constants } from "node:fs";
import { access, lstat, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { NodeProblem } from "./node-problem.ts";

/**
 * Makes a folder with mode 0700 where it is missing, and those above it. Node.js's own `recursive` tries for ever
 * where a folder above exists and refuses with ENOENT: in `/proc`, and below a link that leads nowhere.
 * @throws {NodeProblem} with one line that names what stands in the way
 */
export async function makeStateFolder(folder: string): Promise<void> {
  const missing: string[] = [];
  let existing = folder;
  while ((await kindOf(existing, folder)) === "missing" && dirname(existing) !== existing) {
    missing.unshift(existing);
    existing = dirname(existing);
  }
  for (const path of missing) {
    try {
      await mkdir(path, { mode: 0o700 });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // Another process may have made it meanwhile.
      if (code !== "EEXIST") throw unusable(folder, `${path} cannot be made (${code})`, error);
    }
  }
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(folder, `it cannot be written (${(error as NodeJS.ErrnoException).code})`, error);
  }
}

async function kindOf(path: string, folder: string): Promise<"folder" | "missing"> {
  try {
    if ((await stat(path)).isDirectory()) return "folder";
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOTDIR") return "missing";
    if (code !== "ENOENT") throw unusable(folder, `${path} cannot be read (${code})`, error);
    const isLink = await lstat(path).then(
      () => true,
      () => false,
    );
    if (isLink) throw unusable(folder, `${path} is a link that leads nowhere`, error);
    return "missing";
  }
  throw unusable(folder, `${path} is not a folder`);
}

function unusable(folder: string, why: string, cause?: unknown): NodeProblem {
  return new NodeProblem(
    "failed",
    `The folder ${folder} cannot hold the state: ${why}. Set ROUTELET_STATE to one that can.`,
    cause,
  );
}
