import { type ChildProcess, fork } from "node:child_process";
import { scriptBeside } from "../../script-beside.ts";
import { childEnvironment } from "../child-environment.ts";
import { createRestarts } from "../restarts.ts";
import type { ModelMemory } from "./admit-alone.ts";
import type { CallMessage, ChildMessage, LoadedModel, LoadOptions, ParentMessage } from "./ipc.ts";
import { createStderrFilter } from "./stderr-filter.ts";

export type EngineLog = (level: "info" | "warn" | "error", message: string) => void;

export interface ChildHost {
  /** What is in memory now; null while the child starts, or starts again. */
  loaded(): LoadedModel | null;
  /** The child's process id, for status and tests; null while there is none. */
  pid(): number | null;
  send(message: Exclude<ParentMessage, { type: "load" | "proceed" | "growth" }>): void;
  /** Resolves when the child is gone. */
  close(): Promise<void>;
}

const CHILD = scriptBeside("./child", import.meta.url);
/** The first load fails with this message; the daemon shows it as it is. */
const LOAD_FAILED = "The model's process ended while loading";

/**
 * Keeps one child process with one model in it: starts it, starts it again when it died (with back-off), and says
 * when it came and went. Rejects when the first load fails, with a message of one line.
 */
export async function createChildHost(options: {
  load: LoadOptions;
  memory: ModelMemory;
  /** libuv threads of the child: sampling runs there, one per sequence, beside file and DNS work. */
  threadPoolSize: number;
  log: EngineLog;
  random: () => number;
  now: () => number;
  onCall: (message: CallMessage) => void;
  /** The model came, or went (with all its calls). */
  onLoaded: (loaded: LoadedModel | null) => void;
  /** The process ended too often: the model stays away. */
  onRetired: () => void;
}): Promise<ChildHost> {
  let child: ChildProcess | null = null;
  let loaded: LoadedModel | null = null;
  let closing = false;
  const restarts = createRestarts(options);
  let restartTimer: NodeJS.Timeout | undefined;
  const first = Promise.withResolvers<void>();

  const start = (): void => {
    let failure: Error | null = null;
    const giveUp = (error: unknown): void => {
      failure = error instanceof Error ? error : new Error(String(error));
      started.kill("SIGKILL");
    };
    const started = fork(CHILD, [], {
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...childEnvironment(process.env), UV_THREADPOOL_SIZE: String(options.threadPoolSize) },
    });
    child = started;
    const loggable = createStderrFilter();
    started.stderr?.setEncoding("utf8").on("data", (text: string) => {
      const shown = loggable(text).trim();
      if (shown !== "") options.log("warn", shown);
    });
    started.on("message", (message: ChildMessage) => {
      if (message.type === "ready") {
        loaded = message.model;
        restarts.ready();
        options.onLoaded(loaded);
        first.resolve();
      } else if (message.type === "plan") {
        options.memory
          .admit(message.plan)
          .then((shape) => sendTo(started, { type: "proceed", shape }), giveUp);
      } else if (message.type === "grow") {
        options.memory
          .grow(message.plan)
          .then((granted) => sendTo(started, { type: "growth", granted }), giveUp);
      } else if (message.type === "grown") {
        options.memory.grown();
      } else if (message.type === "shrink") {
        options.memory.shrink(message.need);
      } else if (message.type === "loadFailed") {
        giveUp(new Error(message.message));
      } else if (message.type === "log") {
        options.log(message.level, message.message);
      } else {
        options.onCall(message);
      }
    });
    const onEnd = (end: string): void => {
      child = null;
      const wasLoaded = loaded !== null;
      loaded = null;
      if (wasLoaded) options.onLoaded(null);
      if (closing) return;
      if (!restarts.wasReady()) {
        closing = true;
        first.reject(failure ?? new Error(`${LOAD_FAILED} (${end}); the file may be damaged or too large.`));
        return;
      }
      const delay = restarts.delayAfterEnd(failure === null);
      if (delay === null) {
        closing = true;
        options.log("error", restarts.retirement(end));
        options.onRetired();
        return;
      }
      options.log("error", failure?.message ?? `The model's process ended (${end}); it is started again.`);
      restartTimer = setTimeout(start, delay);
    };
    started.on("exit", (code, signal) => onEnd(signal ?? `exit code ${code}`));
    started.on("error", (error) => {
      // A process that could not be started has no exit.
      if (started.pid === undefined) onEnd(error.message);
      else options.log("error", `The model's process: ${error.message}`);
    });
    sendTo(started, { type: "load", options: options.load });
  };

  start();
  await first.promise;
  return {
    loaded: () => loaded,
    pid: () => child?.pid ?? null,
    send: (message) => {
      if (child !== null) sendTo(child, message);
    },
    async close() {
      closing = true;
      clearTimeout(restartTimer);
      const running = child;
      if (running === null) return;
      const gone = new Promise<void>((resolve) => running.once("exit", () => resolve()));
      running.kill("SIGKILL");
      await gone;
    },
  };
}

function sendTo(child: ChildProcess, message: ParentMessage): void {
  // A broken channel means that the child is gone, which `exit` reports for all calls at once.
  child.send(message, () => {});
}
