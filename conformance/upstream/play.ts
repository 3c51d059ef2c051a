import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { HEAD_END } from "../http/message-head.ts";
import type { Json } from "../said.ts";
import type { WireRequest } from "./requests.ts";

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
  /** The port of another server on loopback that answers instead, byte for byte. */
  forwardTo?: number;
}

const REASONS: Record<number, string> = { 200: "OK", 400: "Bad Request", 429: "Too Many Requests" };

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

/** The head of a reply whose connection ends with it, whatever its server promised. */
function closing(head: string): Buffer {
  const lines = head.split("\r\n").filter((line) => !/^(connection|keep-alive):/i.test(line));
  return Buffer.from([...lines, "connection: close"].join("\r\n"), "latin1");
}

/** Sends the request on to another server, and its reply back; the connection ends with it. */
async function forward(socket: Socket, request: WireRequest, port: number): Promise<void> {
  const other = connect({ port, host: "127.0.0.1" });
  const headers = Object.entries(request.headers).filter(
    ([name]) => !["host", "connection", "content-length", "transfer-encoding"].includes(name),
  );
  const head = [
    `POST ${request.path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    "connection: close",
    `content-length: ${request.body.length}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ].join("\r\n");
  other.write(`${head}\r\n\r\n`);
  other.write(request.body);
  await new Promise<void>((resolve) => {
    let head: Buffer | null = Buffer.alloc(0);
    other.on("data", (bytes: Buffer) => {
      if (head === null) {
        socket.write(bytes);
        return;
      }
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf(HEAD_END);
      if (end < 0) return;
      socket.write(closing(head.subarray(0, end).toString("latin1")));
      socket.write(head.subarray(end));
      head = null;
    });
    other.on("error", () => socket.destroy());
    other.on("close", () => {
      socket.end();
      resolve();
    });
    socket.once("close", () => other.destroy());
  });
}

/** Writes a reply as its script says; `body` is the request's. */
export async function reply(options: {
  socket: Socket;
  script: Script;
  request: WireRequest;
  body: Json;
}): Promise<void> {
  const { socket, script, request, body } = options;
  if (script.forwardTo !== undefined) return forward(socket, request, script.forwardTo);
  if (!(await play(socket, script.before ?? [], false))) return;
  const status = script.status ?? 200;
  const own = script.headers ?? [];
  const measured = own.some((line) => /^content-length:/i.test(line));
  const framed = script.unframed !== true && !measured;
  const type = status < 400 && body.stream === true ? "text/event-stream" : "application/json";
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
