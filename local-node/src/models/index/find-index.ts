import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { promisify } from "node:util";
import { readTextFile } from "../../hardware/cgroup.ts";
import { ModelError } from "../model-error.ts";
import { decodeURIComponentSafely, isLoopback, shown } from "../reference.ts";
import { type IndexSetting, type Machine, pipSetting, uvSetting, words } from "./config-files.ts";

/** Runs a program and gives its standard output; null when it is missing, fails or takes too long. */
export type Ask = (command: string, args: string[]) => Promise<string | null>;

export interface PackageIndex {
  /** The simple repository's root, ending in a slash, without credentials. */
  url: string;
  /** `Authorization` for this origin; never logged. */
  authorization: string | null;
  /** What named it: a variable, a file or a program. */
  from: string;
}

/** Prints pip's effective index: its configuration (the interpreter's own file included), else its built-in default. */
const ASK_PIP = `
from pip._internal.configuration import Configuration
from pip._internal.models.index import PyPI
value = None
try:
    c = Configuration(isolated=False)
    c.load()
    for key in ("install.index-url", "global.index-url"):
        try:
            value = value or c.get_value(key)
        except Exception:
            pass
except Exception:
    pass
print(value or PyPI.simple_url)
`;

/**
 * The package index that the user's own client is set to. In order: `PIP_INDEX_URL`, `UV_DEFAULT_INDEX`,
 * `UV_INDEX_URL`, pip's files, uv's files, the default of the installed pip, that of the installed uv. No index
 * is built in here: which one to trust is the user's choice, made where they made it already.
 * @throws {ModelError} `no_index`, saying how to set one.
 */
export async function findIndex(
  options: { env: Record<string, string | undefined>; ask?: Ask } & Partial<Omit<Machine, "env">>,
): Promise<PackageIndex> {
  const machine: Machine = {
    env: options.env,
    platform: options.platform ?? process.platform,
    home: options.home ?? homedir(),
    readText: options.readText ?? readTextFile,
  };
  const setting =
    fromEnvironment(machine.env) ??
    pipSetting(machine) ??
    uvSetting(machine) ??
    (await askPip(options.ask ?? askProgram, machine.platform)) ??
    (await askUv(options.ask ?? askProgram));
  if (!setting) {
    throw new ModelError(
      "no_index",
      "No package index is configured, and neither pip nor uv is installed to ask. Set PIP_INDEX_URL to the index's simple URL, or choose another model with ROUTELET_MODEL.",
    );
  }
  return toIndex(setting);
}

function fromEnvironment(env: Machine["env"]): IndexSetting | null {
  for (const name of ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"]) {
    const value = env[name]?.trim();
    // uv takes "name=url" in UV_DEFAULT_INDEX.
    const url = name.startsWith("UV") ? value?.replace(/^[A-Za-z0-9._-]+=(?=https?:)/, "") : value;
    if (url) {
      return { url, from: name, trustedHosts: words(env.PIP_TRUSTED_HOST ?? env.UV_INSECURE_HOST) };
    }
  }
  return null;
}

async function askPip(ask: Ask, platform: NodeJS.Platform): Promise<IndexSetting | null> {
  const interpreters: [string, string[]][] =
    platform === "win32"
      ? [
          ["py", ["-3"]],
          ["python", []],
        ]
      : [
          ["python3", []],
          ["python", []],
        ];
  for (const [command, args] of interpreters) {
    const url = (await ask(command, [...args, "-c", ASK_PIP]))?.trim().split(/\s+/).pop();
    if (url && /^https?:\/\//.test(url)) return { url, from: `pip of ${command}`, trustedHosts: [] };
  }
  return null;
}

async function askUv(ask: Ask): Promise<IndexSetting | null> {
  const help = await ask("uv", ["pip", "install", "--help"]);
  const url = /--default-index[\s\S]*?by\s+default:\s*<(https:\/\/[^>\s]+)>/.exec(help ?? "")?.[1];
  return url ? { url, from: "uv", trustedHosts: [] } : null;
}

const run = promisify(execFile);

async function askProgram(command: string, args: string[]): Promise<string | null> {
  try {
    const { stdout } = await run(command, args, { timeout: 10_000, windowsHide: true });
    return stdout;
  } catch {
    return null;
  }
}

function toIndex({ url: text, from, trustedHosts }: IndexSetting): PackageIndex {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ModelError(
      "no_index",
      `${from} names "${shown(text)}" as package index, which is not a URL. Correct it.`,
    );
  }
  const trusted = trustedHosts.some((host) => host === url.host || host === url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && (isLoopback(url) || trusted))) {
    throw new ModelError(
      "no_index",
      `The package index ${shown(text)} (from ${from}) must use https, or be named in trusted-host.`,
    );
  }
  const user = decodeURIComponentSafely(url.username);
  const password = decodeURIComponentSafely(url.password);
  const authorization =
    user || password ? `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}` : null;
  url.username = "";
  url.password = "";
  url.hash = "";
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return { url: url.href, authorization, from };
}
