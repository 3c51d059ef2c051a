#!/usr/bin/env node
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

// Plain JavaScript that old versions of Node.js read too. The published package runs its JavaScript right here; in a
// clone a Node.js is found that runs the TypeScript beside it.

const PACKAGE_MINIMUM = [22, 15];
const CLONE_MINIMUM = [24, 0];
const here = dirname(fileURLToPath(import.meta.url));
const typescript = join(here, "..", "src", "cli.ts");
const javascript = join(here, "..", "dist", "local-node", "src", "cli.js");

function isAtLeast([major, minor]) {
  const [ownMajor, ownMinor] = process.versions.node.split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

function fail(message) {
  process.stderr.write(`local-node: ${message}\n`);
  process.exit(1);
}

function tooOld(minimum, remedy) {
  fail(`Node.js ${minimum.join(".")} or newer is needed, and this is ${process.versions.node}. ${remedy}`);
}

if (existsSync(typescript)) runClone();
else if (isAtLeast(PACKAGE_MINIMUM)) await import(pathToFileURL(javascript).href);
else tooOld(PACKAGE_MINIMUM, "Install a newer one from nodejs.org or with your package manager.");

function runClone() {
  const node = findNode();
  if (node === undefined)
    tooOld(CLONE_MINIMUM, "Run npm install in the checkout, which brings it, or install it.");
  const stdio = process.channel ? ["inherit", "inherit", "inherit", "ipc"] : "inherit";
  const child = spawn(node, ["--disable-warning=ExperimentalWarning", typescript, ...process.argv.slice(2)], {
    stdio,
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  if (process.channel) {
    child.on("message", (message) => process.send?.(message));
    process.on("disconnect", () => child.connected && child.disconnect());
  }
  child.on("error", (error) => fail(`${node} could not be started: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

function findNode() {
  if (isAtLeast(CLONE_MINIMUM)) return process.execPath;
  const binary = process.platform === "win32" ? "node.exe" : "node";
  for (let folder = here; ; folder = dirname(folder)) {
    const bundled = join(folder, "node_modules", "node", "bin", binary);
    if (existsSync(bundled)) return bundled;
    if (folder === dirname(folder)) return undefined;
  }
}
