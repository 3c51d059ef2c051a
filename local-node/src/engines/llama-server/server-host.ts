import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { scriptBeside } from "../../script-beside.ts";
import { childEnvironment } from "../child-environment.ts";
import { createRestarts } from "../restarts.ts";
import type { KeeperMessage } from "./keeper.ts";
import { type ServerFacts, waitUntilReady } from "./wait-until-ready.ts";

export type ServerLog = (level: "info" | "warn" | "error", message: string) => void;

export interface RunningServer extends ServerFacts {
  pid: number;
  /** With the version at the end. */
  baseUrl: string;
  apiKey: string;
}

export interface ServerHost {
  /** Null while it starts, or starts again. */
  running(): RunningServer | null;
  /** Resolves when the server is gone. */
  close(): Promise<void>;
}

const KEEPER = scriptBeside("./keeper", import.meta.url);
const KEY_BYTES = 32;
const KEPT_LINES = 20;
const MAX_REASON_LENGTH = 300;
/** How long a server may take to die when it is told to. */
const END_MS = 3_000;

/**
 * Keeps one llama-server: starts it on a free loopback port under a key of its own, starts it again when it died (with
 * back-off), and says when it came and went. Rejects when the first start fails, with a message of one line.
 */
export async function createServerHost(options: {
  binary: string;
  /** All arguments but the port, which changes with each start. */
  args: readonly string[];
  log: ServerLog;
  random: () => number;
  now: () => number;
  /** Milliseconds between two looks at a server that starts. */
  pollMs?: number;
  /** Milliseconds between two looks at a server that runs. */
  watchMs?: number;
  onRunning: (server: RunningServer | null) => void;
  /** It ended too often: the model stays away. */
  onRetired: () => void;
}): Promise<ServerHost> {
  const restarts = createRestarts(options);
  const first = Promise.withResolvers<void>();
  let running: RunningServer | null = null;
  let current: Attempt | null = null;
  let closing = false;
  let restartTimer: NodeJS.Timeout | undefined;

  const onEnd = (reason: string): void => {
    current = null;
    const wasRunning = running !== null;
    running = null;
    if (wasRunning) options.onRunning(null);
    if (closing) return;
    if (!restarts.wasReady()) {
      closing = true;
      first.reject(new Error(reason));
      return;
    }
    const delay = restarts.delayAfterEnd(true);
    if (delay === null) {
      closing = true;
      options.log("error", restarts.retirement(reason.replace(/\.$/, "")));
      options.onRetired();
      return;
    }
    options.log("error", `${reason} It is started again.`);
    restartTimer = setTimeout(start, delay);
  };
  const start = (): void => {
    current = startOnce({
      ...options,
      onReady(server) {
        running = server;
        restarts.ready();
        options.onRunning(server);
        first.resolve();
      },
      onEnd,
    });
  };

  start();
  await first.promise;
  return {
    running: () => running,
    async close() {
      closing = true;
      clearTimeout(restartTimer);
      await current?.end();
    },
  };
}

/** One life of the server. */
interface Attempt {
  end(): Promise<void>;
}

function startOnce(options: {
  binary: string;
  args: readonly string[];
  pollMs?: number;
  watchMs?: number;
  onReady(server: RunningServer): void;
  /** Called once, with one sentence. */
  onEnd(reason: string): void;
}): Attempt {
  const over = new AbortController();
  const gone = Promise.withResolvers<void>();
  const lines: string[] = [];
  let keeper: ChildProcess | null = null;
  let pid: number | null = null;
  let why: string | null = null;

  const ended = (how: string): void => {
    if (over.signal.aborted) return;
    over.abort();
    // Where its keeper was killed, the server still runs.
    if (pid !== null) endProcess(pid);
    options.onEnd(why ?? `llama-server ended (${how})${lastWords(lines)}.`);
    gone.resolve();
  };
  const endWith = (reason: string): void => {
    why = reason;
    if (keeper?.connected === true) keeper.disconnect();
    else ended("it could not be started");
  };
  const run = async (): Promise<void> => {
    const port = await freePort();
    const apiKey = randomBytes(KEY_BYTES).toString("hex");
    keeper = fork(KEEPER, [options.binary, ...options.args, "--host", "127.0.0.1", "--port", String(port)], {
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      // Not as an argument, which every user of the machine can read.
      env: { ...serverEnvironment(process.env), LLAMA_API_KEY: apiKey },
    });
    keeper.stderr?.setEncoding("utf8").on("data", (text: string) => {
      lines.push(...text.split("\n").filter((line) => line.trim() !== ""));
      lines.splice(0, lines.length - KEPT_LINES);
    });
    keeper.on("message", (message: KeeperMessage) => {
      if (message.type === "started") pid = message.pid;
      else {
        pid = null;
        ended(message.how);
      }
    });
    keeper.once("error", (error) => ended(error.message));
    keeper.once("exit", (code, signal) => ended(signal ?? `exit code ${code}`));
    const origin = `http://127.0.0.1:${port}`;
    const facts = await waitUntilReady({ origin, apiKey, signal: over.signal, ...options });
    if (over.signal.aborted || pid === null) return;
    options.onReady({ ...facts, pid, baseUrl: `${origin}/v1`, apiKey });
    await facts.unresponsive;
    if (!over.signal.aborted) endWith("llama-server did not answer any more, and was ended.");
  };
  run().catch((error: unknown) => {
    if (!over.signal.aborted) endWith(error instanceof Error ? error.message : String(error));
  });

  return {
    async end() {
      if (keeper?.connected === true) keeper.disconnect();
      const late = setTimeout(() => keeper?.kill("SIGKILL"), END_MS);
      await gone.promise;
      clearTimeout(late);
    },
  };
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended with its keeper.
  }
}

/** What the server said last of an error, or said last at all. */
function lastWords(lines: readonly string[]): string {
  const line = lines.findLast((each) => /error|failed|invalid|unable/i.test(each)) ?? lines.at(-1);
  return line === undefined ? "" : `: ${line.replace(/\s+/g, " ").trim().slice(0, MAX_REASON_LENGTH)}`;
}

/** The owner's configuration says how the server runs, and not variables that were meant for another one. */
function serverEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(childEnvironment(environment)).filter(([name]) => !name.startsWith("LLAMA_")),
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
