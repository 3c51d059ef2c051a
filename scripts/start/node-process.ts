import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { EXIT_CODES } from "../../local-node/src/daemon/node-problem.ts";
import { nodePaths } from "../../local-node/src/daemon/paths.ts";
import type { ParentNotice } from "../../local-node/src/daemon/run-node.ts";
import { ROOT } from "../paths.ts";

const FIRST_RESTART_MS = 1_000;
const LONGEST_RESTART_MS = 30_000;
/** A daemon that ran this long starts the back-off anew. */
const HEALTHY_MS = 60_000;
const KILL_AFTER_MS = 15_000;

export interface NodeProcessOptions {
  gatewayUrl: string;
  env: Record<string, string | undefined>;
  /** Makes a single-use token with which the daemon joins the gateway. */
  createJoinToken: () => Promise<string>;
  /** The gateway listens on an address of the own network, without TLS. */
  allowInsecureLan: boolean;
  say: (line: string) => void;
}

interface Ended {
  code: number;
  /** The signal that killed it; null when it ended itself. */
  signal: NodeJS.Signals | null;
  served: boolean;
}

/** How the first attempt went: serving these models, or why there is no node. */
export type NodeOutcome =
  | { models: string[] }
  | { problem: "no_model" | "refused" | "already_running" | "failed" };

export interface NodeProcess {
  /** Settles once; later restarts are said through `say`. */
  outcome: Promise<NodeOutcome>;
  stop(): Promise<void>;
}

/** Runs the local node beside the gateway: joins when it must, restarts it when it died, ends with this process. */
export function startNode(options: NodeProcessOptions): NodeProcess {
  const outcome = Promise.withResolvers<NodeOutcome>();
  const stopping = new AbortController();
  let child: ChildProcess | undefined;

  const runOnce = async (args: string[], token?: string): Promise<Ended> => {
    let served = false;
    const env = token === undefined ? options.env : { ...options.env, ROUTELET_JOIN_TOKEN: token };
    // Our stdout carries the ready line. At a terminal the daemon draws its own progress; elsewhere it writes JSON.
    const messages = process.stderr.isTTY ? 2 : "pipe";
    child = fork(resolve(ROOT, "local-node/src/cli.ts"), args, {
      cwd: ROOT,
      env,
      execArgv: ["--disable-warning=ExperimentalWarning"],
      stdio: ["ignore", 2, messages, "ipc"],
    });
    if (child.stderr !== null) relayMessages(child.stderr, options.say);
    child.on("message", (notice: ParentNotice) => {
      if (notice.type !== "ready") return;
      served = true;
      outcome.resolve({ models: notice.models });
    });
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return { code: code ?? EXIT_CODES.failed, signal, served };
  };

  const join = async () => {
    const args = ["join", options.gatewayUrl];
    if (options.allowInsecureLan) args.push("--allow-insecure-lan");
    return runOnce(args, await options.createJoinToken());
  };

  const keepRunning = async (): Promise<void> => {
    let pause = FIRST_RESTART_MS;
    let mayJoin = true;
    let hasJoined = existsSync(nodePaths(options.env).identity);
    while (!stopping.signal.aborted) {
      const startedAt = Date.now();
      let { code, signal, served }: Ended = hasJoined
        ? await runOnce(["run", "--gateway", options.gatewayUrl])
        : { code: EXIT_CODES.not_joined, signal: null, served: false };
      hasJoined = true;
      if (stopping.signal.aborted) return;
      // An identity that the gateway does not know is replaced once per start. A node that served and was then
      // refused was removed by the operator: joining again would undo that.
      if (!served && mayJoin && (code === EXIT_CODES.not_joined || code === EXIT_CODES.refused)) {
        mayJoin = false;
        ({ code, signal, served } = await join());
        if (stopping.signal.aborted) return;
      }
      const problem = lasting(code);
      if (problem !== undefined) {
        outcome.resolve({ problem });
        if (served)
          options.say(
            "The local node has ended for good: the gateway does not want it. Restart to join again.",
          );
        return;
      }
      if (!served) outcome.resolve({ problem: "failed" });
      if (Date.now() - startedAt > HEALTHY_MS) pause = FIRST_RESTART_MS;
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
      options.say(`The local node ended ${how}; starting it again in ${pause / 1000} s.`);
      await delay(pause, undefined, { signal: stopping.signal }).catch(() => undefined);
      pause = Math.min(pause * 2, LONGEST_RESTART_MS);
    }
  };
  const running = keepRunning();
  running.catch(outcome.reject);

  return {
    outcome: outcome.promise,
    async stop() {
      stopping.abort();
      const process = child;
      if (process !== undefined && process.exitCode === null && process.signalCode === null) {
        process.kill("SIGTERM");
        const timer = setTimeout(() => process.kill("SIGKILL"), KILL_AFTER_MS);
        await once(process, "exit");
        clearTimeout(timer);
      }
      await running;
    },
  };
}

/** Shows the daemon's log lines as the sentences in them. */
function relayMessages(stream: Readable, say: (line: string) => void): void {
  createInterface({ input: stream }).on("line", (line) => {
    try {
      const { level, message } = JSON.parse(line) as { level: string; message: string };
      say(level === "info" ? message : `${level}: ${message}`);
    } catch {
      say(line);
    }
  });
}

/** Ends that another try would only repeat. */
function lasting(code: number): "no_model" | "refused" | "already_running" | undefined {
  if (code === EXIT_CODES.no_model) return "no_model";
  if (code === EXIT_CODES.refused) return "refused";
  if (code === EXIT_CODES.already_running) return "already_running";
  return undefined;
}
