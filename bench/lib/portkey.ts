import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { runTool } from "../../scripts/checks/step.ts";
import { ROOT } from "../../scripts/paths.ts";
import { freePort } from "../../test/harness/processes.ts";

const PATCH = resolve(ROOT, "bench/processes/portkey-fetch.ts");

export const PORTKEY = "@portkey-ai/gateway@1.15.2";

/** Starts Portkey's gateway on this Node.js; fetched by name on first use (95 packages, 25 MB). */
export async function startPortkey(): Promise<{ url: string; close(): Promise<void> }> {
  const folder = resolve(ROOT, "node_modules/.cache/bench-portkey");
  const server = resolve(folder, "node_modules/@portkey-ai/gateway/build/start-server.js");
  if (!existsSync(server)) {
    mkdirSync(folder, { recursive: true });
    const args = [
      "install",
      "--no-save",
      "--loglevel=error",
      "--no-audit",
      "--no-fund",
      "--prefix",
      folder,
      PORTKEY,
    ];
    const { code, output } = await runTool({ tool: "npm", args, capture: true });
    if (code !== 0) throw new Error(`${PORTKEY} could not be installed:\n${output}`);
  }
  const port = await freePort();
  const child = spawn(process.execPath, ["--import", PATCH, server, `--port=${port}`, "--headless"], {
    stdio: "ignore",
    env: { ...process.env, NODE_ENV: "production", PORT: String(port) },
  });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries += 1) {
    try {
      await fetch(url);
      break;
    } catch (error) {
      if (tries > 100 || child.exitCode !== null) throw new Error("Portkey did not start", { cause: error });
      await delay(100);
    }
  }
  return {
    url,
    async close() {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}
