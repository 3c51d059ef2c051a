import { type RawReply, rawRequest } from "./http/raw-request.ts";
import { readEventStream } from "./http/sse.ts";
import { readChat } from "./readers/chat.ts";
import { readChatStream } from "./readers/chat-stream.ts";
import { readMessage } from "./readers/messages.ts";
import { readMessageStream } from "./readers/messages-stream.ts";
import { readResponse } from "./readers/responses.ts";
import { readResponseStream } from "./readers/responses-stream.ts";
import { rules } from "./readers/rules.ts";
import { isObject, type Json, nothingSaid, type Said, type StreamEvent, type Violation } from "./said.ts";

export type Dialect = "chat" | "responses" | "messages";

export interface Target {
  baseUrl: string;
  key: string;
}

/** An answer of the gateway as it came. */
export interface Answered extends RawReply {
  said: Said;
  /** The events of a stream; none of a whole reply. */
  events: readonly StreamEvent[];
  /** Comments of the stream. */
  comments: number;
}

export interface Sending {
  headers?: Record<string, string>;
  /** Names of headers that would go out and shall not. */
  without?: readonly string[];
  method?: "GET" | "POST" | "DELETE" | "OPTIONS";
  /** Instead of the dialect's endpoint. */
  path?: string;
  declaredLength?: number;
  leaveAfterMs?: number;
  reset?: boolean;
  /** Gives up after this long; default 20 s. */
  timeoutMs?: number;
}

const PATHS: Record<Dialect, string> = {
  chat: "/v1/chat/completions",
  responses: "/v1/responses",
  messages: "/v1/messages",
};

const WHOLE: Record<Dialect, (body: Json) => Said> = {
  chat: readChat,
  responses: readResponse,
  messages: readMessage,
};

function readStream(dialect: Dialect, events: readonly StreamEvent[], asked: Json): Said {
  if (dialect === "messages") return readMessageStream(events);
  if (dialect === "responses") return readResponseStream(events);
  const options = isObject(asked.stream_options) ? asked.stream_options : {};
  return readChatStream(events, { wantsUsage: options.include_usage === true });
}

const under = (trap: number, found: readonly string[]): Violation[] => found.map((what) => ({ trap, what }));

/** Reads a reply as strictly as its dialect is defined. */
function interpret(dialect: Dialect, asked: Json, raw: RawReply): Answered {
  const { headers, body, status, cut } = raw;
  const type = headers["content-type"] ?? "";
  if (cut && body.length === 0) return { ...raw, said: nothingSaid(), events: [], comments: 0 };
  if (type.startsWith("text/event-stream")) {
    const stream = readEventStream(body);
    const said = readStream(dialect, stream.events, asked);
    if (status !== 200) said.violations.push({ trap: 18, what: `a stream with the status ${status}` });
    said.violations.push(...under(24, raw.violations));
    // A stream that was cut is judged by what it was cut from, not by its last half line.
    said.violations.push(...under(1, cut ? ["the stream's framing has no end"] : stream.violations));
    return { ...raw, said, events: stream.events, comments: stream.comments };
  }
  const said = nothingSaid();
  const { expect, broken } = rules();
  said.violations = broken;
  broken.push(...under(24, raw.violations));
  expect(24, type.startsWith("application/json"), `a body of type ${type}`);
  try {
    const json: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    const read = WHOLE[dialect](isObject(json) ? json : {});
    expect(1, asked.stream !== true || status !== 200, "a whole reply where a stream was asked for");
    expect(18, read.error === null || status >= 400, `an error with the status ${status}`);
    expect(18, read.error !== null || status < 400, `the status ${status} without an error object`);
    return {
      ...raw,
      said: { ...read, violations: [...broken, ...read.violations] },
      events: [],
      comments: 0,
    };
  } catch {
    expect(18, false, "a body that is no JSON");
    return { ...raw, said, events: [], comments: 0 };
  }
}

/** An endpoint's URL, whether the base ends with `/v1` or not. */
export const urlOf = (target: Target, path: string): URL =>
  new URL(target.baseUrl.replace(/\/(v1\/?)?$/, "") + path);

/** Sends one request to the gateway under test, and reads what comes as strictly as the dialect's definition. */
export async function send(
  options: { target: Target; dialect: Dialect; body?: Json | Buffer } & Sending,
): Promise<Answered> {
  const { target, dialect, body } = options;
  const payload =
    body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const headers: Record<string, string> = {
    ...(payload === undefined ? {} : { "content-type": "application/json" }),
    authorization: `Bearer ${target.key}`,
    ...(dialect === "messages" ? { "x-api-key": target.key, "anthropic-version": "2023-06-01" } : {}),
    ...options.headers,
  };
  for (const name of options.without ?? []) delete headers[name];
  const raw = await rawRequest({
    url: urlOf(target, options.path ?? PATHS[dialect]),
    method: options.method ?? "POST",
    headers,
    ...(payload === undefined ? {} : { body: payload }),
    ...(options.declaredLength === undefined ? {} : { declaredLength: options.declaredLength }),
    ...(options.leaveAfterMs === undefined ? {} : { leaveAfterMs: options.leaveAfterMs }),
    ...(options.reset === undefined ? {} : { reset: options.reset }),
    timeoutMs: options.timeoutMs ?? 20_000,
  });
  return interpret(dialect, body === undefined || Buffer.isBuffer(body) ? {} : body, raw);
}

/** Milliseconds from the request until the words were there; null where they never came. */
export function arrivedAt(answered: Answered, words: string): number | null {
  const at = answered.body.indexOf(words);
  if (at < 0) return null;
  return answered.arrivals.find(({ total }) => total >= at + Buffer.byteLength(words))?.atMs ?? null;
}
