import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Plain JavaScript for Node.js 20, without dependencies: it runs before anything is installed.

const STAMP = ".routelet-install";

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** Identifies an installation: the lockfile, and the machine kind that native packages were chosen for. */
function stampOf(root) {
  const lock = readFileSync(join(root, "package-lock.json"));
  return `${createHash("sha256").update(lock).digest("hex")} ${process.platform} ${process.arch}`;
}

/**
 * Compares npm's own record of what it installed with the lockfile, so that an `npm install` by hand counts.
 * Optional packages may be missing: npm leaves out those of other platforms.
 */
function agreesWithLock(root) {
  const wanted = readJson(join(root, "package-lock.json"))?.packages;
  const present = readJson(join(root, "node_modules", ".package-lock.json"))?.packages;
  if (wanted === undefined || present === undefined) return false;
  const needed = Object.entries(wanted).filter(
    ([path, entry]) => path.startsWith("node_modules/") && !entry.link,
  );
  return needed.every(([path, entry]) =>
    present[path] === undefined ? entry.optional === true : present[path].version === entry.version,
  );
}

/** What stands between this checkout and a start: nothing, or why packages must be installed. */
export function installState(root) {
  const modules = join(root, "node_modules");
  if (!existsSync(modules)) return { needed: true, reason: "first start" };
  const stamp = stampOf(root);
  const stampPath = join(modules, STAMP);
  if (existsSync(stampPath) && readFileSync(stampPath, "utf8") === stamp) return { needed: false };
  if (agreesWithLock(root)) {
    writeFileSync(stampPath, stamp);
    return { needed: false };
  }
  return { needed: true, reason: "package-lock.json has changed" };
}

/** `npm` as a command line: the npm that runs us, else the one on the path. */
function npmCommand() {
  const running = process.env.npm_execpath;
  if (running?.endsWith(".js") && existsSync(running)) return [process.execPath, running];
  return [process.platform === "win32" ? "npm.cmd" : "npm"];
}

/** Packages may run scripts of their own when they are installed: they get no token and no key. */
export function withoutSecrets(env) {
  const ours = ([name]) => /^(ROUTELET|OPENAI|ANTHROPIC|OTEL)_/.test(name);
  return Object.fromEntries(Object.entries(env).filter((entry) => !ours(entry)));
}

/** Runs `npm ci` and leaves the stamp. Returns one clear line when it failed, after npm's own output. */
export function install(root) {
  const [command, ...prefix] = npmCommand();
  // npm warns about packages that want a newer Node.js than the system's; they will run on the bundled one.
  const result = spawnSync(command, [...prefix, "ci", "--loglevel=error", "--no-audit", "--no-fund"], {
    cwd: root,
    env: withoutSecrets(process.env),
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (result.error !== undefined) return `npm could not be started (${result.error.message}). Install npm.`;
  if (result.signal !== null) return `npm ci was stopped by ${result.signal}.`;
  if (result.status !== 0)
    return `npm ci failed with exit code ${result.status}: see its message above, then run the command again.`;
  writeFileSync(join(root, "node_modules", STAMP), stampOf(root));
  return undefined;
}
