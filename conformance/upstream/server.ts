import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { isObject, type Json } from "../said.ts";

/** What a scripted reply does next; bytes go out as a TCP segment of their own. */
export type Step = string | Uint8Array | { waitMs: number } | { cut: true };

export interface Script {
  status?: number;
  /** `name: value`; content-type is an event stream where the request asked for one, JSON otherwise. */
  headers?: readonly string[];
  /** Before the headers. */
  before?: readonly Step[];
  steps: readonly Step[];
  /** Ends the body by closing the connection, with neither a length nor chunks. */
  unframed?: boolean;
}

/** A request as the upstream got it. */
export interface Received {
  path: string;
  headers: Record<string, string>;
  body: Json;
  /** Milliseconds, by `performance.now()`. */
  at: number;
  /** The connection was closed by the other side before the reply was complete. */
  left: boolean;
}

export type Answer = (request: Received, turn: number) => Script;

export interface UpstreamServer {
  port: number;
  /** What one model of the upstream answers, and what it was asked. */
  on(model: string, answer: Answer): void;
  received(model: string): readonly Received[];
  close(): Promise<void>;
}

const REASONS: Record<number, string> = { 200: "OK", 400: "Bad Request", 429: "Too Many Requests" };

/**
 * Reads HTTP/1.1 requests off a socket by hand: what a gateway sends must not pass through a library of ours. It reads
 * on while a reply is written, so that a gateway that leaves is noticed.
 */
async function* requestsOf(socket: Socket): AsyncGenerator<{ head: string; body: Buffer }> {
  let pending = Buffer.alloc(0);
  let ended = false;
  let wake: (() => void) | null = null;
  const news = () => {
    wake?.();
    wake = null;
  };
  socket.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    news();
  });
  socket.on("close", () => {
    ended = true;
    news();
  });
  const more = async (): Promise<boolean> => {
    if (ended) return false;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
    return !ended;
  };
  for (;;) {
    while (!pending.includes("\r\n\r\n")) if (!(await more())) return;
    const end = pending.indexOf("\r\n\r\n");
    const head = pending.subarray(0, end).toString("latin1");
    pending = pending.subarray(end + 4);
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? Number.NaN);
    if (/^transfer-encoding: *chunked/im.test(head)) {
      while (!pending.includes("0\r\n\r\n")) if (!(await more())) return;
      const raw = pending.subarray(0, pending.indexOf("0\r\n\r\n"));
      pending = pending.subarray(raw.length + 5);
      yield { head, body: unchunked(raw) };
      continue;
    }
    const size = Number.isNaN(length) ? 0 : length;
    while (pending.length < size) if (!(await more())) return;
    const body = pending.subarray(0, size);
    pending = pending.subarray(size);
    yield { head, body };
  }
}

function unchunked(raw: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < raw.length; ) {
    const line = raw.indexOf("\r\n", at);
    if (line < 0) break;
    const size = Number.parseInt(raw.subarray(at, line).toString("latin1"), 16);
    parts.push(raw.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
  return Buffer.concat(parts);
}

async function play(socket: Socket, steps: readonly Step[], framed: boolean): Promise<boolean> {
  for (const step of steps) {
    if (socket.destroyed) return false;
    if (typeof step === "string" || step instanceof Uint8Array) {
      const bytes = Buffer.from(step as Uint8Array);
      if (bytes.length === 0) continue;
      socket.write(
        framed
          ? Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")])
          : bytes,
      );
      // A pause between segments, so that they arrive as they were cut.
      await delay(1);
    } else if ("waitMs" in step) await delay(step.waitMs);
    else {
      socket.resetAndDestroy();
      return false;
    }
  }
  return !socket.destroyed;
}

async function reply(socket: Socket, script: Script, streamed: boolean): Promise<void> {
  if (!(await play(socket, script.before ?? [], false))) return;
  const status = script.status ?? 200;
  const framed = script.unframed !== true;
  const own = script.headers ?? [];
  const type = status < 400 && streamed ? "text/event-stream" : "application/json";
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Status"}`,
    ...(own.some((line) => /^content-type:/i.test(line)) ? [] : [`content-type: ${type}`]),
    ...(framed ? ["transfer-encoding: chunked"] : ["connection: close"]),
    ...own,
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  if (!(await play(socket, script.steps, framed))) return;
  if (framed) socket.write("0\r\n\r\n");
  else socket.end();
}

function received(head: string, body: Buffer): Received {
  const [first = "", ...lines] = head.split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  let json: unknown = null;
  try {
    json = JSON.parse(body.toString());
  } catch {
    json = null;
  }
  return {
    path: first.split(" ")[1] ?? "",
    headers,
    body: isObject(json) ? json : {},
    at: performance.now(),
    left: false,
  };
}

/** An upstream on loopback whose replies are written byte by byte, chosen by the model that is asked for. */
export async function startUpstreamServer(port: number): Promise<UpstreamServer> {
  const answers = new Map<string, Answer>();
  const log = new Map<string, Received[]>();
  const sockets = new Set<Socket>();

  async function serve(socket: Socket): Promise<void> {
    for await (const { head, body } of requestsOf(socket)) {
      const request = received(head, body);
      // A gateway may send its own name for the provider along.
      const model = String(request.body.model ?? "").replace(/^(openai|anthropic)\//, "");
      const all = log.get(model) ?? [];
      log.set(model, [...all, request]);
      const answer = answers.get(model);
      let complete = false;
      const closed = () => {
        if (!complete) request.left = true;
      };
      socket.once("close", closed);
      const script = answer?.(request, all.length) ?? {
        status: 404,
        steps: ['{"error":{"message":"no such case"}}'],
      };
      await reply(socket, script, request.body.stream === true);
      complete = true;
      socket.off("close", closed);
    }
  }

  const server: Server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined); // A gateway that leaves is what some cases wait for.
    socket.on("close", () => sockets.delete(socket));
    serve(socket).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    on: (model, answer) => {
      answers.set(model, answer);
      log.set(model, []);
    },
    received: (model) => log.get(model) ?? [],
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
