/** An entry of `package-lock.json`, as far as it is read here. */
export interface LockEntry {
  version?: string;
  resolved?: string;
  optional?: boolean;
  dev?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

export type LockPackages = Record<string, LockEntry>;

const OS: Record<string, string> = {
  android: "android",
  darwin: "darwin",
  mac: "darwin",
  freebsd: "freebsd",
  linux: "linux",
  openharmony: "openharmony",
  win: "win32",
  win32: "win32",
  windows: "win32",
};

const CPU: Record<string, string> = {
  "64": "x64",
  arm: "arm",
  arm64: "arm64",
  ia32: "ia32",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  x64: "x64",
};

/** Where npm would find `name` from the package at `from`: in its own folder first, then outwards. */
function isLocked(packages: LockPackages, from: string, name: string): boolean {
  let folder = from;
  while (folder !== "") {
    if (packages[`${folder}/node_modules/${name}`] !== undefined) return true;
    const parent = folder.lastIndexOf("/node_modules/");
    folder = parent < 0 ? "" : folder.slice(0, parent);
  }
  return packages[`node_modules/${name}`] !== undefined;
}

/** Reads the platform out of a native package's name (`…-linux-x64-musl`); undefined if it names none. */
export function platformOf(name: string): Pick<LockEntry, "os" | "cpu" | "libc"> | undefined {
  const words = name.slice(name.indexOf("/") + 1).split("-");
  const os = words.map((word) => OS[word]).find((value) => value !== undefined);
  const cpu = words.map((word) => CPU[word]).find((value) => value !== undefined);
  if (os === undefined || cpu === undefined) return undefined;
  if (os !== "linux") return { os: [os], cpu: [cpu] };
  return { os: [os], cpu: [cpu], libc: [words.some((word) => word.startsWith("musl")) ? "musl" : "glibc"] };
}

/**
 * The native packages of other platforms that the lockfile lacks. npm leaves them out when the registry in use
 * does not have them, and `npm ci` then refuses the whole lockfile, on every platform.
 */
export function missingPlatformPackages(packages: LockPackages): LockPackages {
  const missing: LockPackages = {};
  for (const [from, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isLocked(packages, from, name)) continue;
      const platform = platformOf(name);
      if (platform === undefined) throw new Error(`${name}, which ${from} wants, names no platform`);
      missing[`node_modules/${name}`] = {
        version,
        ...(entry.dev ? { dev: true } : {}),
        optional: true,
        ...platform,
      };
    }
  }
  return missing;
}
