import { listenOnLoopback } from "./http-server.ts";

export interface PacedEngineOptions {
  /** Tokens of each streamed reply, unless the request's `max_tokens` is lower. */
  tokens: number;
  tokensPerSecond: number;
  /** From the request to the first token; default 1. */
  firstTokenMs?: number;
  port?: number;
}

const MODEL = "paced";

function chunkOf(content: string): Buffer {
  const chunk = {
    id: "chatcmpl-paced",
    object: "chat.completion.chunk",
    created: 1_760_000_000,
    model: MODEL,
    choices: [{ index: 0, delta: { content }, finish_reason: null }],
  };
  return Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`);
}

const TOKEN = chunkOf(" word");

function endOf(tokens: number): Buffer {
  const head = {
    id: "chatcmpl-paced",
    object: "chat.completion.chunk",
    created: 1_760_000_000,
    model: MODEL,
  };
  const usage = { prompt_tokens: 5, completion_tokens: tokens, total_tokens: tokens + 5 };
  const finish = { ...head, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };
  return Buffer.from(
    `data: ${JSON.stringify(finish)}\n\ndata: ${JSON.stringify({ ...head, choices: [], usage })}\n\ndata: [DONE]\n\n`,
  );
}

/**
 * An OpenAI-compatible engine that produces tokens at a fixed rate and costs almost no CPU: what lies between
 * it and the client can be measured. Tokens are due on a schedule from the start, one event each; those that
 * fell due together (timers tick in milliseconds) are written together. A slow reader holds it back.
 */
export async function startPacedEngine(
  options: PacedEngineOptions,
): Promise<{ url: string; close(): Promise<void> }> {
  const intervalMs = 1_000 / options.tokensPerSecond;
  return listenOnLoopback((request, response) => {
    if (request.method === "GET") {
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({ object: "list", data: [{ id: MODEL, object: "model", owned_by: "bench" }] }),
      );
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { max_tokens: limit } = JSON.parse(Buffer.concat(chunks).toString()) as { max_tokens?: number };
      const total = Math.min(options.tokens, limit ?? Number.POSITIVE_INFINITY);
      response.socket?.setNoDelay(true);
      response.writeHead(200, { "content-type": "text/event-stream" });
      const startedAt = performance.now() + (options.firstTokenMs ?? 1);
      let sent = 0;
      const tick = (): void => {
        if (response.destroyed) return;
        const due = Math.min(total, Math.floor((performance.now() - startedAt) / intervalMs) + 1);
        const batch: Buffer[] = [];
        for (; sent < due; sent += 1) batch.push(TOKEN);
        const flows = batch.length === 0 || response.write(batch.length === 1 ? TOKEN : Buffer.concat(batch));
        if (sent >= total) {
          response.end(endOf(total));
          return;
        }
        if (!flows) {
          response.once("drain", tick);
          return;
        }
        setTimeout(tick, Math.max(0, startedAt + sent * intervalMs - performance.now()));
      };
      setTimeout(tick, options.firstTokenMs ?? 1);
    });
  }, options.port);
}
