import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { MINIMUM_NODE } from "../../daemon/installation.ts";
import { nodeCommand } from "../../daemon/node-command.ts";
import { listCached } from "../../models/cache.ts";
import { freeBytes, humanBytes } from "../../models/disk.ts";
import { reasonOf } from "../../models/model-error.ts";
import { loadIdentity } from "../../tunnel/identity.ts";
import type { Check } from "./check.ts";

/** Room for the smallest useful models. */
const LITTLE_SPACE = 1e9;

export function nodeCheck(version: string, minimum = MINIMUM_NODE): Check {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor = 0, leastMinor = 0] = minimum.split(".").map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
    ? { name: "node", verdict: "ok", text: `Node.js ${version}` }
    : {
        name: "node",
        verdict: "bad",
        text: `Node.js ${version} is too old. Install Node.js ${minimum} or newer.`,
      };
}

/** The folder itself, or the nearest one above it that exists. */
async function existing(folder: string): Promise<string> {
  for (let current = folder; ; current = dirname(current)) {
    const found = await stat(current).catch(() => null);
    if (found?.isDirectory() || current === dirname(current)) return current;
  }
}

export async function diskCheck(cacheDir: string, free: typeof freeBytes = freeBytes): Promise<Check> {
  const folder = await existing(cacheDir);
  try {
    await access(folder, constants.W_OK);
  } catch (error) {
    return {
      name: "disk",
      verdict: "bad",
      text: `${folder} cannot be written (${reasonOf(error)}). Correct its permissions, or set ROUTELET_CACHE to another folder.`,
    };
  }
  const bytes = await free(folder);
  return bytes < LITTLE_SPACE
    ? {
        name: "disk",
        verdict: "bad",
        text: `only ${humanBytes(bytes)} are free in ${folder}. Free space there, or set ROUTELET_CACHE to a folder on another disk.`,
      }
    : { name: "disk", verdict: "ok", text: `${humanBytes(bytes)} free in ${folder}` };
}

export async function cachedCheck(cacheDir: string): Promise<Check> {
  const models = await listCached(cacheDir);
  const bytes = models.reduce((sum, model) => sum + model.bytes, 0);
  return models.length === 0
    ? { name: "cache", verdict: "note", text: `${cacheDir} holds no model yet; the first start fetches one` }
    : {
        name: "cache",
        verdict: "ok",
        text: `${models.map((model) => model.id).join(", ")} (${humanBytes(bytes)}) in ${cacheDir}`,
      };
}

/** A node's key that other users can read is no secret. Windows has no such modes. */
export async function identityCheck(
  path: string,
  platform: NodeJS.Platform = process.platform,
): Promise<Check> {
  const info = await stat(path).catch(() => null);
  if (!info) {
    return {
      name: "identity",
      verdict: "note",
      text: `this machine has not joined a gateway; run: ${nodeCommand("join <gateway url>")}`,
    };
  }
  const mode = info.mode & 0o777;
  if (platform !== "win32" && (mode & 0o077) !== 0) {
    return {
      name: "identity",
      verdict: "bad",
      text: `${path} can be read by other users (mode ${mode.toString(8)}). Run: chmod 600 ${path}`,
    };
  }
  const damaged = await loadIdentity(path).then(
    () => null,
    (error: unknown) => reasonOf(error),
  );
  if (damaged !== null) return { name: "identity", verdict: "bad", text: damaged };
  return { name: "identity", verdict: "ok", text: `${path}, mode ${mode.toString(8)}` };
}
