import { chmod, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { dirname } from "node:path";
import { lock } from "proper-lockfile";
import { z } from "zod";
import { NodeProblem } from "./node-problem.ts";
import { makeStateFolder } from "./state-folder.ts";
import { type DaemonStatus, statusSchema } from "./status.ts";

/** What a running daemon can be asked, as one line of JSON. Each is answered by its status. */
const requestSchema = z.discriminatedUnion("command", [
  z.object({ command: z.literal("status") }),
  /** `forMs` null: until `resume`. */
  z.object({ command: z.literal("pause"), forMs: z.number().int().positive().nullable() }),
  z.object({ command: z.literal("resume") }),
]);
export type ControlRequest = z.infer<typeof requestSchema>;

const answerSchema = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true), status: statusSchema }),
  z.object({ ok: z.literal(false), error: z.string() }),
]);
type Answer = z.infer<typeof answerSchema>;

/** More than any request has, in characters. */
const MAX_REQUEST = 4_096;
const REQUEST_TIMEOUT_MS = 5_000;

/**
 * Answers on the daemon's socket, where only the same user may connect. The socket is also what keeps a second daemon
 * from this state folder.
 *
 * @throws {NodeProblem} `already_running`
 */
export async function serveControl(options: {
  socket: string;
  /** Does what is asked. @throws {NodeProblem} whose message the asker is shown */
  handle: (request: ControlRequest) => DaemonStatus;
}): Promise<{ close(): Promise<void> }> {
  const { socket } = options;
  const isPipe = socket.startsWith("\\\\.\\pipe\\");
  const server = createServer((connection) => {
    answerOne(connection, options.handle);
  });
  const listen = () =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(socket, resolve);
    });
  if (isPipe) {
    // Windows itself refuses a second listener on a pipe.
    await requireNoDaemon(socket);
    await listen();
  } else {
    const folder = dirname(socket);
    await makeStateFolder(folder);
    // Of two daemons that start together one would remove the other's socket between the look and the listening.
    const release = await lockStart(folder, socket);
    try {
      await requireNoDaemon(socket);
      await rm(socket, { force: true });
      await listen();
      await chmod(socket, 0o600);
    } finally {
      await release();
    }
  }
  server.unref();
  return {
    close: async () => {
      await new Promise((resolve) => server.close(resolve));
      if (!isPipe) await rm(socket, { force: true });
    },
  };
}

/** @throws {NodeProblem} `already_running` */
async function lockStart(folder: string, socket: string): Promise<() => Promise<void>> {
  try {
    return await lock(folder, {
      lockfilePath: `${socket}.lock`,
      // One whose holder was killed is taken over after this.
      stale: 5_000,
      retries: { retries: 80, factor: 1, minTimeout: 100 },
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ELOCKED") throw error;
    throw new NodeProblem(
      "already_running",
      "Another daemon is just starting with this state folder.",
      error,
    );
  }
}

/** Reads one line, answers with one, and hangs up. */
function answerOne(connection: Socket, handle: (request: ControlRequest) => DaemonStatus): void {
  let received = "";
  const say = (answer: Answer) => connection.end(`${JSON.stringify(answer)}\n`);
  connection.setEncoding("utf8");
  connection.setTimeout(REQUEST_TIMEOUT_MS, () => connection.destroy());
  connection.on("error", () => connection.destroy());
  connection.on("data", (text: string) => {
    if (received.includes("\n")) return;
    received += text;
    if (received.includes("\n")) say(answerTo(received, handle));
    else if (received.length > MAX_REQUEST) connection.destroy();
  });
}

function answerTo(text: string, handle: (request: ControlRequest) => DaemonStatus): Answer {
  try {
    return { ok: true, status: handle(requestSchema.parse(JSON.parse(text))) };
  } catch (error) {
    return {
      ok: false,
      error: error instanceof NodeProblem ? error.message : "The daemon does not know this request.",
    };
  }
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
export function askStatus(
  socketPath: string,
  options: { timeoutMs?: number } = {},
): Promise<DaemonStatus | null> {
  return askDaemon(socketPath, { command: "status" }, options);
}

/**
 * Asks a running daemon to do something; null when none runs there.
 * @throws {NodeProblem} `already_running` as `askStatus`; `failed` when it refuses, in its words
 */
export async function askDaemon(
  socketPath: string,
  request: ControlRequest,
  options: { timeoutMs?: number } = {},
): Promise<DaemonStatus | null> {
  const text = await exchange(
    socketPath,
    `${JSON.stringify(request)}\n`,
    options.timeoutMs ?? ASK_TIMEOUT_MS,
  );
  if (text === null) return null;
  let answer: Answer;
  try {
    answer = answerSchema.parse(JSON.parse(text));
  } catch (error) {
    throw silent(socketPath, "cannot be understood: it may be of another version", error);
  }
  if (answer.ok) return answer.status;
  throw new NodeProblem("failed", answer.error);
}

/** Null when nothing listens, or what listened went away without a word: a daemon that was just ending. */
async function exchange(socketPath: string, request: string, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath, () => socket.write(request));
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
