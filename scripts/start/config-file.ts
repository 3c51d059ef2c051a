import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { StartError } from "../gateway/start-error.ts";

/** The settings of project `default` as a file: what `PUT /api/settings` takes. */
export interface ConfigFile {
  path: string;
  settings: unknown;
  /** The variables that it took values from: secrets, which no other process needs. */
  variables: string[];
}

const NAME = "routelet.config.json";

/** A whole value that stands in the environment, so that no key need stand in the file: `"$GROQ_API_KEY"`. */
const VARIABLE = /^\$([A-Za-z_][A-Za-z0-9_]*)$/;

/** Puts values of the environment where the file names them. `at` is the path, for the one that is missing. */
function filled(value: unknown, source: { env: Environment; taken: Set<string> }, at: string): unknown {
  if (typeof value === "string") {
    const name = VARIABLE.exec(value)?.[1];
    if (name === undefined) return value;
    const found = source.env[name];
    if (!found) throw new StartError(`${at}: the variable ${name} is not set`);
    source.taken.add(name);
    return found;
  }
  if (Array.isArray(value)) return value.map((item, index) => filled(item, source, `${at}[${index}]`));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      filled(item, source, at === "" ? name : `${at}.${name}`),
    ]),
  );
}

type Environment = Record<string, string | undefined>;

/**
 * Reads `routelet.config.json` of a folder, or the file that `ROUTELET_CONFIG` names; null where there is none.
 *
 * @throws StartError for a file that cannot be read or is no JSON object, or a variable that is not set.
 */
export async function readConfigFile(options: {
  folder: string;
  env: Environment;
}): Promise<ConfigFile | null> {
  const { folder, env } = options;
  const named = env.ROUTELET_CONFIG;
  const path = resolve(folder, named || NAME);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && !named) return null;
    throw new StartError(`${path} cannot be read (${code ?? String(error)}).`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new StartError(`${path} is not JSON: ${(error as Error).message}`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new StartError(`${path} must hold a JSON object, as PUT /api/settings takes it.`);
  try {
    const taken = new Set<string>();
    return { path, settings: filled(json, { env, taken }, ""), variables: [...taken] };
  } catch (error) {
    throw error instanceof StartError ? new StartError(`${path}: ${error.message}`) : error;
  }
}

/**
 * Makes the file the settings of project `default` at a running gateway, which checks it as it checks its API. Resolves
 * with the names of the providers that it switches on.
 *
 * @throws StartError with the path of the field that is wrong.
 */
export async function applyConfigFile(options: {
  config: ConfigFile;
  url: string;
  adminKey: string;
}): Promise<string[]> {
  const { config, url, adminKey } = options;
  const response = await fetch(`${url}/api/settings`, {
    method: "PUT",
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    body: JSON.stringify(config.settings),
  });
  if (response.ok) return providersOf(await response.json());
  const text = await response.text();
  const said = messageOf(text) ?? `the gateway answered ${response.status}`;
  throw new StartError(`${config.path}: ${said}`);
}

function providersOf(settings: unknown): string[] {
  const { providers } = settings as {
    providers: { name: string; base_url: string | null; keys: { has_key: boolean }[] }[];
  };
  return providers
    .filter(({ base_url, keys }) => base_url !== null || keys.some(({ has_key }) => has_key))
    .map(({ name }) => name);
}

function messageOf(body: string): string | null {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown } };
    return typeof error?.message === "string" ? error.message : null;
  } catch {
    return null;
  }
}
