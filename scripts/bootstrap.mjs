import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { install, installState } from "./install.mjs";

// Entry of every npm script: installs what the lockfile names, then runs a script on the project's Node.js.
// Usage: node scripts/bootstrap.mjs <script> [arguments …]

const MINIMUM_MAJOR = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));

function fail(message) {
  process.stderr.write(`routelet: ${message}\n`);
  process.exit(1);
}

/** The Node.js that comes with the project, or the running one if it is new enough. */
function findNode() {
  const bundled = join(
    root,
    "node_modules",
    "node",
    "bin",
    process.platform === "win32" ? "node.exe" : "node",
  );
  if (existsSync(bundled)) return bundled;
  if (Number(process.versions.node.split(".")[0]) >= MINIMUM_MAJOR) return process.execPath;
  return undefined;
}

function run(node, args) {
  const child = spawn(node, args, { stdio: ["inherit", "inherit", "inherit", "ipc"] });
  // The channel is the child's lifeline: it closes when this process is gone, however it ended.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  if (process.env.npm_lifecycle_event !== undefined) {
    // npm's shell does not pass on every signal; a new parent means that it is gone.
    const parent = process.ppid;
    setInterval(() => {
      if (process.ppid !== parent) child.kill("SIGTERM");
    }, 500).unref();
  }
  child.on("error", (error) => fail(`${node} could not be started: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

const [script, ...args] = process.argv.slice(2);
if (script === undefined) fail("usage: node scripts/bootstrap.mjs <script> [arguments …]");
const state = installState(root);
if (state.needed) {
  process.stderr.write(
    `routelet: installing packages with npm ci (${state.reason}); this takes a minute or two\n`,
  );
  const failure = install(root);
  if (failure !== undefined) fail(failure);
}
const node = findNode();
if (node === undefined)
  fail(
    `Node.js ${MINIMUM_MAJOR} is missing: the package "node" was installed without its install script. ` +
      "Run `npm ci --ignore-scripts=false`, or install Node.js 24 or newer.",
  );
run(node, ["--disable-warning=ExperimentalWarning", script, ...args]);
