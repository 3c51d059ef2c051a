import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../test/harness/processes.ts";

const NAME = process.platform === "win32" ? "llama-server.exe" : "llama-server";
const MAX_START_MS = 120_000;

/** `LLAMA_SERVER`, else the one on the path; null: there is none. */
export function findLlamaServer(env: NodeJS.ProcessEnv): string | null {
  const candidates = env.LLAMA_SERVER
    ? [env.LLAMA_SERVER]
    : (env.PATH ?? "").split(delimiter).map((folder) => join(folder, NAME));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts llama.cpp's server with the same model, threads and slots as the engine that it is compared with. */
export async function startLlamaServer(options: {
  binary: string;
  model: string;
  sequences: number;
  contextTokens: number;
  threads: number;
}): Promise<{ url: string; close(): Promise<void> }> {
  const port = await freePort();
  const child: ChildProcess = spawn(
    options.binary,
    [
      ...["--model", options.model, "--host", "127.0.0.1", "--port", String(port)],
      ...["--parallel", String(options.sequences), "--threads", String(options.threads)],
      ...["--ctx-size", String(options.contextTokens * options.sequences), "--jinja"],
    ],
    { stdio: "ignore" },
  );
  const url = `http://127.0.0.1:${port}`;
  const startedAt = performance.now();
  while (!(await isReady(url))) {
    if (child.exitCode !== null || performance.now() - startedAt > MAX_START_MS)
      throw new Error(`${options.binary} did not start`);
    await delay(200);
  }
  return {
    url,
    async close() {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/health`).catch(() => null);
  await response?.body?.cancel();
  return response?.ok === true;
}
