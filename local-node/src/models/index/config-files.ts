import { posix, win32 } from "node:path";
import { parse as parseToml } from "smol-toml";

type Env = Record<string, string | undefined>;

export interface Machine {
  env: Env;
  platform: NodeJS.Platform;
  home: string;
  /** The text of a file; null where there is none. */
  readText(path: string): string | null;
}

/** What a client's configuration says of its index. */
export interface IndexSetting {
  url: string;
  /** The variable or file that says so, for messages. */
  from: string;
  /** Hosts that may be asked by plain http (pip's `trusted-host`). */
  trustedHosts: string[];
}

/**
 * The index that pip's configuration files name: the file in `PIP_CONFIG_FILE`, the virtual environment's, the
 * user's, the system's, in that order of strength.
 * @see https://pip.pypa.io/en/stable/topics/configuration/
 */
export function pipSetting(machine: Machine): IndexSetting | null {
  let trusted: string[] = words(machine.env.PIP_TRUSTED_HOST);
  let found: { url: string; from: string } | null = null;
  for (const path of pipFiles(machine)) {
    const text = machine.readText(path);
    if (text === null) continue;
    const values = parseIni(text);
    const value = (name: string) => values.get(`install.${name}`) ?? values.get(`global.${name}`);
    if (trusted.length === 0) trusted = words(value("trusted-host"));
    const url = value("index-url")?.trim();
    if (!found && url) found = { url, from: path };
  }
  return found ? { ...found, trustedHosts: trusted } : null;
}

/** Strongest first. As in pip, an existing `PIP_CONFIG_FILE` replaces the user's own file, and the null device all. */
export function pipFiles({ env, platform, home, readText }: Machine): string[] {
  const own = env.PIP_CONFIG_FILE;
  if (own === "/dev/null" || own?.toLowerCase() === "nul") return [];
  const path = platform === "win32" ? win32 : posix;
  const name = platform === "win32" ? "pip.ini" : "pip.conf";
  const site = env.VIRTUAL_ENV ? [path.join(env.VIRTUAL_ENV, name)] : [];
  if (own && readText(own) !== null) return [own, ...site, ...systemPipFiles(env, platform)];
  return [...site, ...userPipFiles(env, platform, home), ...systemPipFiles(env, platform)];
}

function userPipFiles(env: Env, platform: NodeJS.Platform, home: string): string[] {
  if (platform === "win32") {
    const roaming = env.APPDATA ? [win32.join(env.APPDATA, "pip", "pip.ini")] : [];
    return [...roaming, win32.join(home, "pip", "pip.ini")];
  }
  return [
    ...(platform === "darwin" ? [posix.join(home, "Library", "Application Support", "pip", "pip.conf")] : []),
    posix.join(env.XDG_CONFIG_HOME || posix.join(home, ".config"), "pip", "pip.conf"),
    posix.join(home, ".pip", "pip.conf"),
  ];
}

function systemPipFiles(env: Env, platform: NodeJS.Platform): string[] {
  if (platform === "win32") return [win32.join(env.PROGRAMDATA ?? "C:\\ProgramData", "pip", "pip.ini")];
  if (platform === "darwin") return ["/Library/Application Support/pip/pip.conf"];
  const folders = (env.XDG_CONFIG_DIRS || "/etc/xdg").split(":").filter((folder) => folder !== "");
  return ["/etc/pip.conf", ...folders.map((folder) => posix.join(folder, "pip", "pip.conf"))];
}

/**
 * The default index that uv's configuration files name.
 * @see https://docs.astral.sh/uv/concepts/configuration-files/
 */
export function uvSetting(machine: Machine): IndexSetting | null {
  for (const path of uvFiles(machine)) {
    const text = machine.readText(path);
    if (text === null) continue;
    const url = uvIndex(text);
    if (url) return { url, from: path, trustedHosts: words(machine.env.UV_INSECURE_HOST) };
  }
  return null;
}

/** Strongest first. A project's own `uv.toml` is not ours to read. */
export function uvFiles({ env, platform, home }: Machine): string[] {
  if (env.UV_NO_CONFIG && env.UV_NO_CONFIG !== "0") return [];
  if (env.UV_CONFIG_FILE) return [env.UV_CONFIG_FILE];
  if (platform === "win32") {
    const files = env.APPDATA ? [win32.join(env.APPDATA, "uv", "uv.toml")] : [];
    return [...files, win32.join(env.PROGRAMDATA ?? "C:\\ProgramData", "uv", "uv.toml")];
  }
  const system = (env.XDG_CONFIG_DIRS || "/etc/xdg").split(":").filter((folder) => folder !== "");
  return [
    posix.join(env.XDG_CONFIG_HOME || posix.join(home, ".config"), "uv", "uv.toml"),
    ...system.map((folder) => posix.join(folder, "uv", "uv.toml")),
    "/etc/uv/uv.toml",
  ];
}

function uvIndex(text: string): string | null {
  let config: Record<string, unknown>;
  try {
    config = parseToml(text);
  } catch {
    return null;
  }
  const entries = Array.isArray(config.index) ? (config.index as Record<string, unknown>[]) : [];
  const chosen = entries.find((entry) => entry?.default === true)?.url;
  const pip = config.pip as Record<string, unknown> | undefined;
  const url = chosen ?? config["index-url"] ?? pip?.["index-url"];
  return typeof url === "string" && url !== "" ? url : null;
}

/** pip's files are read by Python's configparser: sections, `key = value` or `key: value`, indented lines continue. */
export function parseIni(text: string): Map<string, string> {
  const values = new Map<string, string>();
  let section = "";
  let last: string | null = null;
  for (const raw of text.split(/\r?\n/)) {
    if (/^\s*([#;].*)?$/.test(raw)) continue;
    const header = /^\[([^\]]+)\]/.exec(raw);
    if (header) {
      section = header[1] ?? "";
      last = null;
      continue;
    }
    if (/^\s/.test(raw) && last !== null) {
      values.set(last, `${values.get(last) ?? ""}\n${raw.trim()}`.trim());
      continue;
    }
    const pair = /^\s*([^=:\s][^=:]*?)\s*[=:]\s*(.*)$/.exec(raw);
    if (!pair) continue;
    last = `${section}.${(pair[1] ?? "").toLowerCase().replace(/_/g, "-")}`;
    values.set(last, (pair[2] ?? "").trim());
  }
  return values;
}

export function words(text: string | undefined): string[] {
  return (text ?? "").split(/[\s,]+/).filter((word) => word !== "");
}
