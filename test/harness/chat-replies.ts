import type { Reply, Step } from "./upstream.ts";

const CREATED = 1_760_000_000;

export interface ChatReplyOptions {
  content: string;
  model?: string;
  promptTokens?: number;
  completionTokens?: number;
  id?: string;
}

function usageOf(options: ChatReplyOptions): object {
  const prompt = options.promptTokens ?? 7;
  const completion = options.completionTokens ?? 3;
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

/** A whole chat completion as an OpenAI-compatible provider sends it. */
export function chatReply(options: ChatReplyOptions): Reply {
  const body = {
    id: options.id ?? "chatcmpl-canned",
    object: "chat.completion",
    created: CREATED,
    model: options.model ?? "canned-model",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: options.content },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage: usageOf(options),
  };
  return { headers: { "content-type": "application/json" }, steps: [{ send: JSON.stringify(body) }] };
}

export interface ChatStreamOptions extends Omit<ChatReplyOptions, "content"> {
  tokens: readonly string[];
  /** Milliseconds between tokens. */
  paceMs?: number;
  /** As with `stream_options.include_usage`; default true. */
  usage?: boolean;
}

/** One server-sent event of a streamed chat completion. */
export function chatEvent(options: {
  id?: string;
  model?: string;
  delta?: object;
  finishReason?: string | null;
  usage?: object | null;
}): string {
  const chunk = {
    id: options.id ?? "chatcmpl-canned",
    object: "chat.completion.chunk",
    created: CREATED,
    model: options.model ?? "canned-model",
    choices:
      options.delta === undefined
        ? []
        : [{ index: 0, delta: options.delta, logprobs: null, finish_reason: options.finishReason ?? null }],
    ...(options.usage === undefined ? {} : { usage: options.usage }),
  };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

/** The steps of a streamed chat completion; cut the array to end it early. */
export function chatStreamSteps(options: ChatStreamOptions): Step[] {
  const { id, model } = options;
  const steps: Step[] = [{ send: chatEvent({ id, model, delta: { role: "assistant", content: "" } }) }];
  for (const token of options.tokens) {
    if (options.paceMs !== undefined) steps.push({ waitMs: options.paceMs });
    steps.push({ send: chatEvent({ id, model, delta: { content: token } }) });
  }
  steps.push({ send: chatEvent({ id, model, delta: {}, finishReason: "stop" }) });
  if (options.usage !== false) {
    const usage = usageOf({ content: "", completionTokens: options.tokens.length, ...options });
    steps.push({ send: chatEvent({ id, model, usage }) });
  }
  steps.push({ send: "data: [DONE]\n\n" });
  return steps;
}

export const EVENT_STREAM = { "content-type": "text/event-stream; charset=utf-8" };

export function chatStream(options: ChatStreamOptions): Reply {
  return { headers: EVENT_STREAM, steps: chatStreamSteps(options) };
}

/** An error object as OpenAI sends it. */
export function errorReply(options: {
  status: number;
  code: string;
  headers?: Record<string, string>;
}): Reply {
  return {
    status: options.status,
    headers: { "content-type": "application/json", ...options.headers },
    steps: [
      {
        send: JSON.stringify({
          error: { message: `canned ${options.code}`, type: "canned_error", param: null, code: options.code },
        }),
      },
    ],
  };
}
