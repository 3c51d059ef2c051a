import { chmod, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { NodeProblem } from "../node-problem.ts";
import { makeStateFolder } from "../state-folder.ts";
import { putSettings } from "./put-settings.ts";
import { renderConfig } from "./render-config.ts";
import { type ConfigSources, parseFile, type ResolvedConfig, resolveConfig } from "./resolve-config.ts";
import type { NodeConfig } from "./schema.ts";
import { configJsonSchema, withValue } from "./settings.ts";

/** What a configuration is made of but for the file's text, which may change while the daemon runs. */
export interface ConfigPlace {
  path: string;
  env: ConfigSources["env"];
  flags: ConfigSources["flags"];
}

/** @throws {NodeProblem} that says where the fault is */
export async function loadConfig(place: ConfigPlace): Promise<ResolvedConfig> {
  return resolveConfig({ ...place, file: await readConfigFile(place.path) });
}

/** Null where there is none. A configuration of an earlier version is written anew first. */
async function readConfigFile(path: string): Promise<{ path: string; text: string } | null> {
  const text = (await readIfThere(path)) ?? (await upgraded(path));
  return text === null ? null : { path, text };
}

/** A change of the file that is known to be right, and not made yet. */
export interface ConfigChange {
  /** What is in force afterwards. */
  config: NodeConfig;
  /** Where the file goes whose layout cannot be kept; null where it can. */
  oldPath: string | null;
  write(): Promise<void>;
}

/**
 * Prepares to put values into the file, which is made with all its comments where it is missing.
 *
 * @throws {NodeProblem} when the values, or what is there, is wrong
 */
export async function prepareChange(
  place: ConfigPlace,
  values: Record<string, unknown>,
): Promise<ConfigChange> {
  const { path } = place;
  const before = await readConfigFile(path);
  if (before !== null) parseFile(before);
  const { text, rewritten } = putSettings(before?.text ?? renderConfig({}), values);
  const { config } = resolveConfig({ ...place, file: { path, text } });
  const oldPath = rewritten && before !== null ? `${path}.old` : null;
  return {
    config,
    oldPath,
    write: async () => {
      if (text === before?.text) return;
      await makeStateFolder(dirname(path));
      if (oldPath !== null && before !== null) await writePrivate(oldPath, before.text);
      await writeConfig(path, text);
    },
  };
}

/** The file and the schema that editors read. Mode 0600, since it may hold the key of an attached server. */
export async function writeConfig(path: string, text: string): Promise<void> {
  await makeStateFolder(dirname(path));
  await writePrivate(
    join(dirname(path), "config.schema.json"),
    `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
  );
  await writePrivate(path, text);
}

async function writePrivate(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, text, { mode: 0o600 });
  await chmod(temporary, 0o600);
  await rename(temporary, path);
}

/** The text of `config.json`, which version 0.1.0 wrote, as TOML; null where there is none. */
async function upgraded(path: string): Promise<string | null> {
  const oldPath = join(dirname(path), "config.json");
  const text = await readIfThere(oldPath);
  if (text === null) return null;
  const old = parseOld(text);
  if (old === null) {
    throw new NodeProblem("failed", `${oldPath} is not valid JSON. Correct it, or delete it and join again.`);
  }
  const none = old.engines?.embedded === null;
  const values = none ? withValue(old, "engines.embedded", { enabled: false }) : old;
  const toml = renderConfig(values);
  await writeConfig(path, toml);
  await rename(oldPath, `${oldPath}.old`);
  return toml;
}

function parseOld(text: string): (Record<string, unknown> & { engines?: { embedded?: unknown } }) | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return null;
    throw new NodeProblem("failed", `${path} cannot be read (${code}).`, error);
  }
}
