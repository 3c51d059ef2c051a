import { chmod, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { dirname } from "node:path";
import { z } from "zod";
import { nodeStateSchema } from "../../../src/tunnel/protocol/messages.ts";
import { NodeProblem } from "./node-problem.ts";
import { makeStateFolder } from "./state-folder.ts";

/** What a running daemon answers to `local-node status`. */
export const statusSchema = z.object({
  pid: z.number().int(),
  /** Milliseconds since the epoch. */
  startedAt: z.number(),
  gatewayUrl: z.string(),
  node: z.object({ id: z.string(), name: z.string(), projects: z.array(z.string()) }),
  tunnel: z.object({
    phase: z.enum(["connecting", "connected", "waiting", "draining", "stopped"]),
    activeCalls: z.number(),
    lastError: z.string().nullable(),
  }),
  state: nodeStateSchema,
});
export type DaemonStatus = z.infer<typeof statusSchema>;

/** Answers with one JSON document to whoever connects, and may connect only as the same user. */
export async function serveStatus(options: {
  socket: string;
  status: () => DaemonStatus;
}): Promise<{ close(): Promise<void> }> {
  await requireNoDaemon(options.socket);
  const isPipe = options.socket.startsWith("\\\\.\\pipe\\");
  if (!isPipe) {
    await makeStateFolder(dirname(options.socket));
    await rm(options.socket, { force: true });
  }
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.end(`${JSON.stringify(options.status())}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.socket, resolve);
  });
  if (!isPipe) await chmod(options.socket, 0o600);
  server.unref();
  return {
    close: async () => {
      await new Promise((resolve) => server.close(resolve));
      if (!isPipe) await rm(options.socket, { force: true });
    },
  };
}

/** @throws {NodeProblem} `already_running` */
export async function requireNoDaemon(socket: string): Promise<void> {
  const running = await askStatus(socket);
  if (running === null) return;
  throw new NodeProblem(
    "already_running",
    `A daemon with this state folder runs already (process ${running.pid}). Stop it first, or set ROUTELET_STATE to another folder.`,
  );
}

const ASK_TIMEOUT_MS = 2_000;

/**
 * Null when no daemon runs there.
 * @throws {NodeProblem} `already_running` when one does but gives no answer, or one that cannot be read
 */
export async function askStatus(
  socketPath: string,
  options: { timeoutMs?: number } = {},
): Promise<DaemonStatus | null> {
  const text = await ask(socketPath, options.timeoutMs ?? ASK_TIMEOUT_MS);
  if (text === null) return null;
  try {
    return statusSchema.parse(JSON.parse(text));
  } catch (error) {
    throw silent(socketPath, "cannot be understood: it may be of another version", error);
  }
}

/** Null when nothing listens, or what listened went away without a word: a daemon that was just ending. */
async function ask(socketPath: string, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let received = "";
    socket.setEncoding("utf8");
    const timer = setTimeout(() => {
      reject(silent(socketPath, `does not answer within ${timeoutMs / 1000} s: it is stopped or overloaded`));
      socket.destroy();
    }, timeoutMs);
    socket.on("data", (chunk: string) => {
      received += chunk;
    });
    socket.on("error", () => resolve(null));
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(received || null);
    });
  });
}

function silent(socketPath: string, what: string, cause?: unknown): NodeProblem {
  return new NodeProblem(
    "already_running",
    `A daemon with this state folder runs, but ${what}. End its process (it holds ${socketPath}) and start it again.`,
    cause,
  );
}
