import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { dechunk } from "./chunked.ts";
import { HEAD_END, headerMap, parseHead } from "./message-head.ts";

/** A reply as it came off the socket. */
export interface RawReply {
  status: number;
  headers: Record<string, string>;
  /** The body, its framing taken off; its encoding not. */
  body: Buffer;
  /** When bytes of the body came, in milliseconds from the request, and how many of them were there then. */
  arrivals: readonly { atMs: number; total: number }[];
  /** The connection ended before the body's framing said so. */
  cut: boolean;
  /** How the head or the framing breaks HTTP/1.1. */
  violations: readonly string[];
  totalMs: number;
}

export interface RawRequest {
  url: URL;
  method: string;
  headers: Record<string, string>;
  body?: Buffer;
  /** Declares the body longer than what is sent, and sends no more. */
  declaredLength?: number;
  timeoutMs: number;
  /** Leaves after this long: closes its connection as SDKs do when a call is aborted. */
  leaveAfterMs?: number;
  /** Leaves with a reset instead: a process that is killed, a machine that goes away. */
  reset?: boolean;
}

interface Reading {
  head: { status: number; headers: Record<string, string>; violations: string[] } | null;
  body: Buffer;
  complete: boolean;
  malformed: boolean;
}

/** What the bytes so far say; a reply that ends with its connection is complete when `ended`. */
function readReply(raw: Buffer, ended: boolean): Reading {
  const end = raw.indexOf(HEAD_END);
  if (end < 0) return { head: null, body: Buffer.alloc(0), complete: false, malformed: false };
  const parsed = parseHead(raw.subarray(0, end).toString("latin1"));
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(parsed.startLine)?.[1] ?? 0);
  if (status >= 100 && status < 200) return readReply(raw.subarray(end + HEAD_END.length), ended);
  const headers = headerMap(parsed);
  const violations: string[] = [];
  const length = headers["content-length"];
  const chunked = headers["transfer-encoding"]?.toLowerCase() === "chunked";
  if (chunked && length !== undefined) violations.push("both content-length and transfer-encoding");
  if (length?.includes(",")) violations.push("content-length came twice");
  if (headers["content-type"]?.includes(",")) violations.push("content-type came twice");
  const head = { status, headers, violations };
  const rest = raw.subarray(end + HEAD_END.length);
  if (chunked) {
    const { body, complete, malformed } = dechunk(rest);
    return { head, body, complete, malformed };
  }
  if (length === undefined) return { head, body: rest, complete: ended || status === 204, malformed: false };
  const size = Number.parseInt(length, 10);
  return { head, body: rest.subarray(0, size), complete: rest.length >= size, malformed: rest.length > size };
}

function open(url: URL): Socket {
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return url.protocol === "https:"
    ? connectTls({ host, port, servername: host, ALPNProtocols: ["http/1.1"] })
    : connect({ host, port, noDelay: true });
}

/**
 * Sends one HTTP/1.1 request on a connection of its own and reads the reply byte by byte, so that framing, pace and
 * an early end are seen as they are. Rejects when nothing was answered within `timeoutMs`, or the connection fails
 * before a head came; a client that was to leave resolves with what it had.
 */
export function rawRequest(request: RawRequest): Promise<RawReply> {
  const { url, method, body } = request;
  const started = performance.now();
  const socket = open(url);
  const head = [
    `${method} ${url.pathname}${url.search} HTTP/1.1`,
    `host: ${url.host}`,
    "connection: close",
    ...(body === undefined ? [] : [`content-length: ${request.declaredLength ?? body.length}`]),
    ...Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`),
  ].join("\r\n");
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const arrivals: { atMs: number; total: number }[] = [];
    let left = false;
    const timers: NodeJS.Timeout[] = [];
    const finish = (ended: boolean, failure: Error | null): void => {
      for (const timer of timers) clearTimeout(timer);
      const reading = readReply(Buffer.concat(parts), ended);
      if (reading.head === null && !left) {
        reject(failure ?? new Error("the connection ended without a reply"));
        return;
      }
      resolve({
        status: reading.head?.status ?? 0,
        headers: reading.head?.headers ?? {},
        body: reading.body,
        arrivals,
        cut: !reading.complete,
        violations: [
          ...(reading.head?.violations ?? []),
          ...(reading.malformed ? ["the body's framing is malformed"] : []),
        ],
        totalMs: performance.now() - started,
      });
      socket.destroy();
    };
    timers.push(
      setTimeout(() => {
        socket.destroy();
        finish(false, new Error("no end in time"));
      }, request.timeoutMs),
    );
    if (request.leaveAfterMs !== undefined) {
      timers.push(
        setTimeout(() => {
          left = true;
          if (request.reset) socket.resetAndDestroy();
          else socket.destroy();
          finish(false, null);
        }, request.leaveAfterMs),
      );
    }
    socket.on(url.protocol === "https:" ? "secureConnect" : "connect", () => {
      socket.write(`${head}${HEAD_END}`);
      if (body !== undefined) socket.write(body);
    });
    socket.on("data", (part: Buffer) => {
      parts.push(part);
      const reading = readReply(Buffer.concat(parts), false);
      const before = arrivals.at(-1)?.total ?? 0;
      if (reading.body.length > before)
        arrivals.push({ atMs: performance.now() - started, total: reading.body.length });
      if (reading.complete) finish(false, null);
    });
    socket.on("end", () => finish(true, null));
    socket.on("error", (error) => finish(false, error));
  });
}
