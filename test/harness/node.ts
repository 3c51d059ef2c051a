import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ROOT } from "../../scripts/paths.ts";
import type { TestGateway } from "./gateway.ts";
import { makeTempFolder } from "./temp-folder.ts";

export interface NodeRow {
  id: string;
  name: string;
  connected: boolean;
  state: { models: { id: string; loaded: boolean; capabilities: Record<string, boolean> }[] } | null;
}

export interface TestNode {
  id: string;
  stateDir: string;
  pid: number;
  /** What the daemon has written, both streams. */
  output(): string;
  exited: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
  /** Ends the daemon, if it still runs, and removes its state. */
  close(): Promise<void>;
}

interface Daemon {
  child: ChildProcess;
  output(): string;
  exited: Promise<number | null>;
}

interface SpawnOptions {
  stateDir: string;
  args: string[];
  env?: Record<string, string>;
  /** The script of an installed package; default the checkout's. */
  program?: string;
  cwd?: string;
}

function spawnDaemon(options: SpawnOptions): Daemon {
  const program = options.program ?? resolve(ROOT, "local-node/src/cli.ts");
  const child = spawn(process.execPath, [program, ...options.args], {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ROUTELET_STATE: options.stateDir, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const exited = once(child, "exit").then(([code]) => code as number | null);
  return { child, output: () => output, exited };
}

/** The nodes as the gateway's operators see them. */
export async function nodesOf(gateway: TestGateway): Promise<NodeRow[]> {
  return ((await gateway.admin("/api/nodes")) as { data: NodeRow[] }).data;
}

async function untilServing(options: {
  gateway: TestGateway;
  daemon: Daemon;
  name: string;
  able: readonly string[];
}): Promise<NodeRow> {
  const { gateway, daemon, name, able } = options;
  for (;;) {
    const node = (await nodesOf(gateway)).find((row) => row.name === name);
    const serves = node?.state?.models.some(
      ({ loaded, capabilities }) => loaded && able.every((capability) => capabilities[capability]),
    );
    if (node?.connected && serves) return node;
    const ended = await Promise.race([
      daemon.exited.then(() => true),
      new Promise<false>((later) => setTimeout(() => later(false), 100)),
    ]);
    if (ended) throw new Error(`The daemon ended before it served:\n${daemon.output()}`);
  }
}

let joined = 0;

/** The real daemon as a process, joined with a token of its own; resolves once the gateway sees it serving. */
export async function startTestNode(options: {
  gateway: TestGateway;
  /** OpenAI-compatible servers to serve from; none: the starter model. */
  attach?: string[];
  /** What one of its models must be known to be able to do; default nothing but chat. */
  able?: readonly string[];
  env?: Record<string, string>;
  program?: string;
  cwd?: string;
}): Promise<TestNode> {
  const { gateway } = options;
  const folder = await makeTempFolder();
  const name = `test-node-${process.pid}-${joined++}`;
  const { token } = (await gateway.admin("/api/nodes/join-tokens", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  })) as { token: string };
  const attach = (options.attach ?? []).flatMap((url) => ["--attach", url]);
  const daemon = spawnDaemon({
    ...options,
    stateDir: folder.path,
    args: ["join", gateway.url, "--name", name, ...attach],
    env: { ...options.env, ROUTELET_JOIN_TOKEN: token },
  });
  const { id } = await untilServing({ gateway, daemon, name, able: options.able ?? [] });
  return handle(id, folder.path, daemon, folder.remove);
}

/** A second daemon with a copy of another's identity. */
export async function startCopyOf(node: TestNode): Promise<TestNode> {
  const folder = await makeTempFolder();
  await cp(join(node.stateDir, "node"), join(folder.path, "node"), {
    recursive: true,
    filter: (path) => !path.endsWith(".sock"),
  });
  return handle(node.id, folder.path, spawnDaemon({ stateDir: folder.path, args: ["run"] }), folder.remove);
}

function handle(id: string, stateDir: string, daemon: Daemon, remove: () => Promise<void>): TestNode {
  return {
    id,
    stateDir,
    pid: daemon.child.pid ?? 0,
    output: daemon.output,
    exited: daemon.exited,
    kill: (signal) => void daemon.child.kill(signal),
    async close() {
      if (daemon.child.exitCode === null && daemon.child.signalCode === null) {
        daemon.child.kill("SIGCONT");
        daemon.child.kill("SIGTERM");
        const timer = setTimeout(() => daemon.child.kill("SIGKILL"), 10_000);
        await daemon.exited;
        clearTimeout(timer);
      }
      await remove();
    },
  };
}
