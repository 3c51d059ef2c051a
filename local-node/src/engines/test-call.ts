import type { Engine, EnginePhases } from "./engine.ts";
import type { TokenLogprob } from "./logprobs.ts";

/** A call of a test in flight: its phases, and its body as text once it ended. */
export interface TestCall {
  phases: EnginePhases;
  status: number;
  headers: Record<string, string>;
  body: AsyncIterator<Uint8Array>;
  text(): Promise<string>;
}

/** Sends one request (of chat, unless a path says otherwise) to an engine, as the serving layer does. */
export async function startCall(
  engine: Engine,
  body: object,
  options: {
    path?: string;
    model?: string;
    signal?: AbortSignal;
    headers?: Record<string, string>;
    phases?: EnginePhases;
  } = {},
): Promise<TestCall> {
  const model = options.model ?? engine.models()[0]?.id ?? "";
  const phases = options.phases ?? {};
  const response = await engine.handle({
    method: "POST",
    path: options.path ?? "/v1/chat/completions",
    headers: { "content-type": "application/json", ...options.headers },
    body: new TextEncoder().encode(JSON.stringify({ model, ...body })),
    deadlineMs: 120_000,
    signal: options.signal ?? new AbortController().signal,
    model,
    phases,
  });
  const iterator = response.body[Symbol.asyncIterator]();
  return {
    phases,
    status: response.status,
    headers: response.headers,
    body: iterator,
    async text() {
      const decoder = new TextDecoder();
      let text = "";
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
        text += decoder.decode(next.value, { stream: true });
      }
      return text + decoder.decode();
    },
  };
}

export interface CalledTool {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

export interface Completion {
  id: string;
  model: string;
  choices: {
    index: number;
    message: { role: string; content: string | null; reasoning_content?: string; tool_calls?: CalledTool[] };
    logprobs: { content: TokenLogprob[] } | null;
    finish_reason: string;
  }[];
  usage: {
    prompt_tokens: number;
    completion_tokens: number;
    total_tokens: number;
    prompt_tokens_details: { cached_tokens: number };
  };
}

/** A call that is not streamed, read to its end. */
export async function complete(
  engine: Engine,
  body: object,
  options?: Parameters<typeof startCall>[2],
): Promise<Completion & { content: string; finishReason: string }> {
  const call = await startCall(engine, body, options);
  const completion: Completion = JSON.parse(await call.text());
  const choice = completion.choices[0];
  return {
    ...completion,
    content: choice?.message.content ?? "",
    finishReason: choice?.finish_reason ?? "",
  };
}

export interface Chunk {
  id: string;
  choices: {
    index: number;
    delta: {
      role?: string;
      content?: string;
      reasoning_content?: string;
      tool_calls?: (Partial<CalledTool> & Pick<CalledTool, "function"> & { index: number })[];
    };
    logprobs: { content: TokenLogprob[] } | null;
    finish_reason: string | null;
  }[];
  usage?: Completion["usage"] | null;
}

/** The chunks of a stream of server-sent events, whose last event must be `[DONE]`. */
export function readChunks<C = Chunk>(text: string): C[] {
  const events = text.split("\n\n").filter((event) => event !== "");
  if (events.pop() !== "data: [DONE]")
    throw new Error(`the stream does not end with [DONE]: ${text.slice(-200)}`);
  return events.map((event) => JSON.parse(event.slice("data: ".length)));
}
