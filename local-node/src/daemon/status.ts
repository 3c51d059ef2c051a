import { chmod, mkdir, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { dirname } from "node:path";
import { z } from "zod";
import { nodeStateSchema } from "../../../src/tunnel/protocol/messages.ts";
import { NodeProblem } from "./node-problem.ts";

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
  const running = await askStatus(options.socket);
  if (running !== null) {
    throw new NodeProblem(
      "already_running",
      `A daemon with this state folder runs already (process ${running.pid}). Stop it first, or set ROUTELET_STATE to another folder.`,
    );
  }
  const isPipe = options.socket.startsWith("\\\\.\\pipe\\");
  if (!isPipe) {
    await mkdir(dirname(options.socket), { recursive: true, mode: 0o700 });
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

const ASK_TIMEOUT_MS = 3_000;

/** Null when no daemon answers there. */
export async function askStatus(socketPath: string): Promise<DaemonStatus | null> {
  const text = await new Promise<string | null>((resolve) => {
    const socket = connect(socketPath);
    let received = "";
    socket.setEncoding("utf8");
    socket.setTimeout(ASK_TIMEOUT_MS, () => socket.destroy(new Error("no answer")));
    socket.on("data", (chunk: string) => {
      received += chunk;
    });
    socket.on("error", () => resolve(null));
    socket.on("close", () => resolve(received));
  });
  if (!text) return null;
  try {
    return statusSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
