import type { Socket } from "node:net";
import { dechunk } from "../http/chunked.ts";
import { HEAD_END, headerMap, parseHead } from "../http/message-head.ts";

/** A request off the wire. */
export interface WireRequest {
  path: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: Buffer;
}

/** The first whole request of the bytes, and how many of them it takes; null while it is not whole. */
export function takeRequest(bytes: Buffer): { request: WireRequest; used: number } | null {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return null;
  const head = parseHead(bytes.subarray(0, end).toString("latin1"));
  const headers = headerMap(head);
  const from = end + HEAD_END.length;
  const path = head.startLine.split(" ")[1] ?? "";
  if (headers["transfer-encoding"]?.toLowerCase().includes("chunked")) {
    const { body, complete, used } = dechunk(bytes.subarray(from));
    return complete ? { request: { path, headers, body }, used: from + used } : null;
  }
  const size = Number(headers["content-length"] ?? 0);
  if (bytes.length < from + size) return null;
  return { request: { path, headers, body: bytes.subarray(from, from + size) }, used: from + size };
}

/**
 * Reads HTTP/1.1 requests off a socket by hand: what a gateway sends must not pass through a library of ours. It reads
 * on while a reply is written, so that a gateway that leaves is noticed.
 */
export async function* requestsOf(socket: Socket): AsyncGenerator<WireRequest> {
  let pending = Buffer.alloc(0);
  let ended = false;
  let wake: (() => void) | null = null;
  const news = (): void => {
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
  for (;;) {
    const taken = takeRequest(pending);
    if (taken !== null) {
      pending = pending.subarray(taken.used);
      yield taken.request;
      continue;
    }
    if (ended) return;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}
