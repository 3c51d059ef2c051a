import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { listenOnLoopback } from "./http-server.ts";

/** What a scripted reply does next. */
export type Step =
  | { send: string | Uint8Array }
  | { waitMs: number }
  /** Goes on when the promise resolves: tests order things by it instead of by time. */
  | { waitFor: Promise<unknown> }
  /** Closes the connection in the middle, without an end. */
  | { cut: true };

export interface Reply {
  /** Default 200. */
  status?: number;
  headers?: Record<string, string>;
  /** Happens before the headers are sent: waiting, or a cut. */
  before?: Step[];
  steps: Step[];
}

export interface UpstreamRequest {
  method: string;
  path: string;
  /** As received: name, value, name, value, … */
  rawHeaders: readonly string[];
  headers: IncomingMessage["headers"];
  body: Buffer;
  /** True once the client has left before the reply was complete. */
  readonly aborted: boolean;
  /** Resolves when that happens. */
  whenAborted: Promise<void>;
  /** Resolves when the reply was sent whole, or could not be. */
  finished: Promise<void>;
}

export interface Upstream {
  /** Without `/v1`. */
  url: string;
  /** In the order of arrival, whole bodies only. */
  requests: readonly UpstreamRequest[];
  /** Replies of one request each, before the standing one. */
  enqueue(...replies: Reply[]): void;
  /** Replaces the standing reply. */
  always(reply: Reply | ((request: UpstreamRequest) => Reply)): void;
  /** Resolves with request number `count` (from 1), also if it came already. */
  waitForRequest(count: number): Promise<UpstreamRequest>;
  close(): Promise<void>;
}

/** A cloud provider over real HTTP whose replies, pace and faults a test scripts. */
export async function startUpstream(
  standing: Reply | ((request: UpstreamRequest) => Reply),
  options: { port?: number } = {},
): Promise<Upstream> {
  let current = standing;
  const queue: Reply[] = [];
  const requests: UpstreamRequest[] = [];
  const waiting = new Set<() => void>();

  const server = await listenOnLoopback((incoming, response) => {
    void readBody(incoming).then(async (body) => {
      if (body === undefined) return;
      const { request, finish } = record(incoming, response, body);
      requests.push(request);
      for (const wake of waiting) wake();
      const reply = queue.shift() ?? (typeof current === "function" ? current(request) : current);
      try {
        await play(reply, response);
      } finally {
        finish();
      }
    });
  }, options.port);

  return {
    url: server.url,
    requests,
    enqueue: (...replies) => void queue.push(...replies),
    always(reply) {
      current = reply;
    },
    async waitForRequest(count) {
      for (;;) {
        const request = requests[count - 1];
        if (request !== undefined) return request;
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            waiting.delete(wake);
            resolve();
          };
          waiting.add(wake);
        });
      }
    },
    close: server.close,
  };
}

/** Undefined when the client left before its body was complete. */
async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}

function record(
  incoming: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
): { request: UpstreamRequest; finish: () => void } {
  const abort = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<void>();
  let aborted = false;
  let cut = false;
  response.once("close", () => {
    if (response.writableFinished || cut) return;
    aborted = true;
    abort.resolve();
  });
  response.once("cut", () => {
    cut = true;
  });
  return {
    request: {
      method: incoming.method ?? "",
      path: incoming.url ?? "",
      rawHeaders: incoming.rawHeaders,
      headers: incoming.headers,
      body,
      get aborted() {
        return aborted;
      },
      whenAborted: abort.promise,
      finished: finished.promise,
    },
    finish: () => finished.resolve(),
  };
}

async function play(reply: Reply, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  response.socket?.setNoDelay(true);
  for (const step of reply.before ?? []) if (!(await perform(step, response, gone.signal))) return;
  response.writeHead(reply.status ?? 200, reply.headers ?? {});
  response.flushHeaders();
  for (const step of reply.steps) if (!(await perform(step, response, gone.signal))) return;
  response.end();
}

/** False when the reply is over: cut by the script, or the client is gone. */
async function perform(step: Step, response: ServerResponse, gone: AbortSignal): Promise<boolean> {
  if (gone.aborted) return false;
  if ("send" in step) {
    if (response.write(step.send)) return true;
    await firstOf(gone, new Promise((resolve) => response.once("drain", resolve)));
  } else if ("waitMs" in step) {
    await firstOf(
      gone,
      delay(step.waitMs, undefined, { signal: gone }).catch(() => undefined),
    );
  } else if ("waitFor" in step) {
    await firstOf(gone, step.waitFor);
  } else {
    response.emit("cut");
    response.socket?.destroy();
    return false;
  }
  return !gone.aborted;
}

async function firstOf(gone: AbortSignal, wanted: Promise<unknown>): Promise<void> {
  const left = new Promise<void>((resolve) =>
    gone.addEventListener("abort", () => resolve(), { once: true }),
  );
  await Promise.race([wanted, left]);
}
