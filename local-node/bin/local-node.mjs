#!/usr/bin/env node
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// Plain JavaScript for Node.js 20: finds a Node.js that runs the TypeScript beside it, and runs it there.

const MINIMUM_MAJOR = 24;
const here = dirname(fileURLToPath(import.meta.url));
const script = join(here, "..", "src", "cli.ts");

function findNode() {
  if (Number(process.versions.node.split(".")[0]) >= MINIMUM_MAJOR) return process.execPath;
  const binary = process.platform === "win32" ? "node.exe" : "node";
  for (let folder = here; ; folder = dirname(folder)) {
    const bundled = join(folder, "node_modules", "node", "bin", binary);
    if (existsSync(bundled)) return bundled;
    if (folder === dirname(folder)) return undefined;
  }
}

const node = findNode();
if (node === undefined) {
  process.stderr.write(
    `local-node: Node.js ${MINIMUM_MAJOR} or newer is needed, and this is ${process.versions.node}. Run npm install in the checkout, which brings it, or install it.\n`,
  );
  process.exit(1);
}
const stdio = process.channel ? ["inherit", "inherit", "inherit", "ipc"] : "inherit";
const child = spawn(node, ["--disable-warning=ExperimentalWarning", script, ...process.argv.slice(2)], {
  stdio,
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
if (process.channel) {
  child.on("message", (message) => process.send?.(message));
  process.on("disconnect", () => child.connected && child.disconnect());
}
child.on("error", (error) => {
  process.stderr.write(`local-node: ${node} could not be started: ${error.message}\n`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
