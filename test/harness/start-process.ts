import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { ROOT } from "../../scripts/paths.ts";

export interface StartProcess {
  pid: number;
  stdout(): string;
  stderr(): string;
  /** Resolves with the URL of the ready line; rejects, with what was said, when the process ends before. */
  ready: Promise<string>;
  /** Resolves with the exit code; 128 + n for a signal. */
  exited: Promise<number>;
  kill(signal: NodeJS.Signals): void;
}

/** Variables of this machine that would change what a start does. */
const CLEAN = /^(ROUTELET_|OPENAI_|ANTHROPIC_|OTEL_|CLOUDFLARE_|WRANGLER_|npm_lifecycle_event$)/;

/** `npm start` as a process: through the bootstrap, with an environment of its own. */
export function spawnStart(options: {
  stateDir: string;
  port: number;
  env?: Record<string, string>;
}): StartProcess {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !CLEAN.test(name)));
  const child: ChildProcess = spawn(
    process.execPath,
    [resolve(ROOT, "scripts/bootstrap.mjs"), resolve(ROOT, "scripts/start.ts")],
    {
      env: { ...inherited, ROUTELET_STATE: options.stateDir, PORT: String(options.port), ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const pid = child.pid;
  if (pid === undefined) throw new Error("The start could not be spawned.");
  let stdout = "";
  let stderr = "";
  const ready = Promise.withResolvers<string>();
  ready.promise.catch(() => undefined);
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    const line = /^ready (http\S+)$/m.exec(stdout);
    if (line?.[1] !== undefined) ready.resolve(line[1]);
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const exited = once(child, "close").then(([code, signal]) => {
    ready.reject(new Error(`ended before it was ready:\n${stderr}`));
    return (code as number | null) ?? 128 + (signal === "SIGKILL" ? 9 : 15);
  });
  return {
    pid,
    stdout: () => stdout,
    stderr: () => stderr,
    ready: ready.promise,
    exited,
    kill: (signal) => void child.kill(signal),
  };
}
