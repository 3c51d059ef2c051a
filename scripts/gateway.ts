import { fork } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import type { HostMessage, HostOptions } from "./gateway/messages.ts";
import { proxyEnvironment } from "./gateway/outbound-proxy.ts";
import { StartError } from "./gateway/start-error.ts";
import { ROOT } from "./paths.ts";

const STOP_WITHIN_MS = 10_000;

export interface GatewayOptions {
  /** Holds D1 and the Durable Objects; created when missing; one gateway at a time. */
  stateDir: string;
  /** Default `127.0.0.1`. */
  host?: string;
  /** 0, the default, takes any free port. */
  port?: number;
  /** Variables and secrets of the Worker, as `src/env.ts` names them. Nothing is read from the environment. */
  vars: Record<string, string>;
  /** Gets each line that the Worker or workerd writes. */
  log?: (line: { level: string; message: string }) => void;
  /** A wrangler configuration; default the gateway's own, with its migrations. */
  config?: { path: string; migrations?: string };
}

export interface RunningGateway {
  /** Without a slash at the end, with the real port. */
  url: string;
  /** Process that holds workerd. */
  pid: number;
  /** Resolves when the gateway has ended, whatever the reason. */
  exited: Promise<void>;
  /** Stops workerd and returns when its process and the one that holds it are gone. */
  dispose(): Promise<void>;
}

/**
 * Starts the gateway in workerd on the Worker's own socket, described by `wrangler.toml` and with its
 * migrations applied. It lives in a process of its own that ends with this one, even if this one is killed.
 * Needs no network and no login. Throws a `StartError` (port in use, state in use, disk full) with one clear line.
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const config = options.config ?? {
    path: resolve(ROOT, "wrangler.toml"),
    migrations: resolve(ROOT, "migrations"),
  };
  const hostOptions: HostOptions = {
    stateDir: resolve(options.stateDir),
    host: options.host ?? "127.0.0.1",
    port: options.port ?? 0,
    vars: options.vars,
    config: config.path,
    migrations: config.migrations,
  };
  const child = fork(resolve(ROOT, "scripts/gateway/host.ts"), [], {
    cwd: ROOT,
    env: { ...process.env, ...proxyEnvironment(process.env) },
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    // A group of its own: a signal to the caller's group must not end workerd before its callers.
    detached: true,
  });
  // The sweep is for a host that was killed: workerd is in its process group.
  const exited = once(child, "exit").then(() => killGroup(child.pid));
  const url = await new Promise<string>((ready, refuse) => {
    child.on("message", (message: HostMessage) => {
      if (message.kind === "ready") ready(message.url);
      if (message.kind === "failed") {
        refuse(message.expected ? new StartError(message.message) : new Error(message.message));
        child.disconnect();
      }
      if (message.kind === "log") options.log?.({ level: message.level, message: message.message });
    });
    child.once("error", refuse);
    void exited.then(() => refuse(new Error("The gateway's process ended before it was ready.")));
    child.send(hostOptions);
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error("The gateway's process has no id.");
  return {
    url,
    pid,
    exited,
    async dispose() {
      if (child.connected) child.send("stop", () => {});
      const timer = setTimeout(() => killGroup(pid), STOP_WITHIN_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
