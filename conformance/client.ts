import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { createParser } from "eventsource-parser";
import { readChat, readChatStream } from "./readers/chat.ts";
import { readMessage, readMessageStream } from "./readers/messages.ts";
import { readResponse, readResponseStream } from "./readers/responses.ts";
import { isObject, type Json, nothingSaid, type Said, type StreamEvent } from "./said.ts";

export type Dialect = "chat" | "responses" | "messages";

export interface Target {
  baseUrl: string;
  key: string;
}

/** An answer of the gateway as it came. */
export interface Answered {
  status: number;
  headers: Record<string, string>;
  /** Every byte of the body. */
  bytes: Buffer;
  said: Said;
  /** Comments of the stream. */
  comments: number;
  /** Milliseconds from the request to the first byte of the body, and to the end. */
  firstByteMs: number;
  totalMs: number;
  /** The connection was cut. */
  cut: boolean;
}

const PATHS: Record<Dialect, string> = {
  chat: "/v1/chat/completions",
  responses: "/v1/responses",
  messages: "/v1/messages",
};

function read(dialect: Dialect, body: Json): Said {
  return dialect === "chat"
    ? readChat(body)
    : dialect === "messages"
      ? readMessage(body)
      : readResponse(body);
}

function readStream(dialect: Dialect, events: StreamEvent[], asked: Json): Said {
  if (dialect === "messages") return readMessageStream(events);
  if (dialect === "responses") return readResponseStream(events);
  const options = isObject(asked.stream_options) ? asked.stream_options : {};
  return readChatStream(events, options.include_usage === true);
}

function interpret(
  dialect: Dialect,
  asked: Json,
  bytes: Buffer,
  type: string,
): { said: Said; comments: number } {
  const text = bytes.toString();
  if (type.startsWith("text/event-stream")) {
    const events: StreamEvent[] = [];
    let comments = 0;
    const parser = createParser({
      onEvent: ({ event, data }) => events.push({ name: event ?? null, data }),
      onComment: () => {
        comments += 1;
      },
    });
    parser.feed(text);
    return { said: readStream(dialect, events, asked), comments };
  }
  try {
    const json: unknown = JSON.parse(text);
    return { said: read(dialect, isObject(json) ? json : {}), comments: 0 };
  } catch {
    return { said: { ...nothingSaid(), violations: ["a body that is no JSON"] }, comments: 0 };
  }
}

/** Sends one request to the gateway under test, and reads what comes as strictly as the dialect's definition. */
export function send(options: {
  target: Target;
  dialect: Dialect;
  body: Json | Buffer;
  headers?: Record<string, string>;
  path?: string;
  /** Leaves after this long: closes its connection as SDKs do when a call is aborted. */
  leaveAfterMs?: number;
  /** Leaves with a reset instead: a process that is killed, a machine that goes away. */
  reset?: boolean;
  /** Gives up after this long. */
  timeoutMs?: number;
}): Promise<Answered> {
  const { target, dialect, body } = options;
  const url = new URL(target.baseUrl.replace(/\/v1\/?$/, "") + (options.path ?? PATHS[dialect]));
  const payload = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const started = performance.now();
  const open = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let firstByteMs = -1;
    const request = open(url, {
      method: "POST",
      agent: false,
      headers: {
        "content-type": "application/json",
        "content-length": payload.length,
        authorization: `Bearer ${target.key}`,
        ...(dialect === "messages" ? { "x-api-key": target.key, "anthropic-version": "2023-06-01" } : {}),
        ...options.headers,
      },
    });
    const timeout = setTimeout(
      () => request.destroy(new Error("no end in time")),
      options.timeoutMs ?? 20_000,
    );
    if (options.leaveAfterMs !== undefined) {
      setTimeout(() => {
        if (options.reset) request.socket?.resetAndDestroy();
        else request.destroy();
      }, options.leaveAfterMs);
    }
    request.on("error", (error) => {
      clearTimeout(timeout);
      if (options.leaveAfterMs === undefined) reject(error);
      else resolve(gone(started));
    });
    request.on("response", (response) => {
      const finish = (cut: boolean) => {
        clearTimeout(timeout);
        const bytes = Buffer.concat(chunks);
        const headers = Object.fromEntries(
          Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
        );
        const asked = Buffer.isBuffer(body) ? {} : body;
        resolve({
          status: response.statusCode ?? 0,
          headers,
          bytes,
          ...interpret(dialect, asked, bytes, headers["content-type"] ?? ""),
          firstByteMs,
          totalMs: performance.now() - started,
          cut,
        });
      };
      response.on("data", (chunk: Buffer) => {
        if (firstByteMs < 0) firstByteMs = performance.now() - started;
        chunks.push(chunk);
      });
      response.on("end", () => finish(false));
      response.on("error", () => finish(true));
    });
    request.end(payload);
  });
}

function gone(started: number): Answered {
  return {
    status: 0,
    headers: {},
    bytes: Buffer.alloc(0),
    said: nothingSaid(),
    comments: 0,
    firstByteMs: -1,
    totalMs: performance.now() - started,
    cut: true,
  };
}
