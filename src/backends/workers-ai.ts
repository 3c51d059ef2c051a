import { createParser } from "eventsource-parser";
import { z } from "zod";
import { RouteletError, toRouteletError } from "../errors.ts";
import type { CloudCall } from "./call-cloud.ts";
import { type BackendReply, replyOf } from "./reply.ts";

/** The native shape of older text models; newer ones answer in OpenAI's shape already. */
const nativeReply = z.looseObject({
  response: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
  tool_calls: z.array(z.looseObject({ name: z.string(), arguments: z.unknown().optional() })).nullish(),
  usage: z.unknown().optional(),
});

const openAiReply = z.looseObject({ choices: z.array(z.unknown()) });

interface Envelope {
  id: string;
  created: number;
  model: string;
}

/** OpenAI's `chat.completion` from the native reply of a Workers AI text model. */
export function completionFromNative(
  native: z.infer<typeof nativeReply>,
  envelope: Envelope,
): Record<string, unknown> {
  const content =
    typeof native.response === "string"
      ? native.response
      : native.response
        ? JSON.stringify(native.response)
        : null;
  const toolCalls = (native.tool_calls ?? []).map((call, index) => ({
    id: `call_${envelope.id.slice(-12)}_${index}`,
    type: "function",
    function: {
      name: call.name,
      arguments: typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments ?? {}),
    },
  }));
  return {
    ...envelope,
    object: "chat.completion",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content, ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}) },
        finish_reason: toolCalls.length > 0 ? "tool_calls" : "stop",
      },
    ],
    ...(native.usage ? { usage: native.usage } : {}),
  };
}

/**
 * Turns the data of one native stream event into OpenAI chunks; data in OpenAI's shape passes as it is.
 * `first` puts the role first, once; the end (`[DONE]`) gets the finish reason and the last usage seen.
 */
export function chunksFromNative(
  data: string,
  state: { envelope: Envelope; roleSent: boolean; usage: unknown; openAi: boolean },
): string[] {
  const { envelope } = state;
  const chunk = (delta: Record<string, unknown>, finishReason: string | null) =>
    JSON.stringify({
      ...envelope,
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta, finish_reason: finishReason }],
    });
  if (data === "[DONE]") {
    if (state.openAi) return ["[DONE]"];
    const usage = state.usage
      ? [JSON.stringify({ ...envelope, object: "chat.completion.chunk", choices: [], usage: state.usage })]
      : [];
    return [chunk({}, "stop"), ...usage, "[DONE]"];
  }
  const json: unknown = JSON.parse(data);
  if (openAiReply.safeParse(json).success) {
    state.openAi = true;
    return [data];
  }
  const native = nativeReply.parse(json);
  if (native.usage) state.usage = native.usage;
  if (typeof native.response !== "string" || native.response === "") return [];
  const role = state.roleSent ? {} : { role: "assistant" };
  state.roleSent = true;
  return [chunk({ ...role, content: native.response }, null)];
}

/**
 * Asks a model through the deployment's `AI` binding.
 *
 * @throws RouteletError `upstream_error` when the binding refuses the call.
 */
export async function callWorkersAi(call: CloudCall): Promise<BackendReply> {
  const ai = call.env.AI;
  if (ai === undefined) {
    throw new RouteletError({
      kind: "internal",
      code: "unknown_provider",
      message: "This gateway has no Workers AI binding.",
    });
  }
  const inputs = z
    .looseObject({ stream: z.boolean().nullish() })
    .parse(JSON.parse(new TextDecoder().decode(call.body)));
  const envelope: Envelope = {
    id: `chatcmpl-${crypto.randomUUID().replaceAll("-", "")}`,
    created: Math.floor(Date.now() / 1000),
    model: call.model,
  };
  let response: Response;
  try {
    response = (await ai.run(
      call.model as Parameters<Ai["run"]>[0],
      inputs as never,
      { returnRawResponse: true, signal: call.signal } as never,
    )) as unknown as Response;
  } catch (cause) {
    if (call.signal.aborted) throw toRouteletError(call.signal.reason);
    throw new RouteletError({
      kind: "upstream",
      code: "upstream_error",
      message: `Workers AI refused the call to \`${call.model}\`.`,
      retryable: true,
      cause,
    });
  }
  if (!response.ok || response.body === null) {
    const message = (await response.text()).slice(0, 2_000);
    const error = { message, type: "api_error", param: null, code: "upstream_error" };
    return replyOf(Response.json({ error }, { status: response.status }));
  }
  if (inputs.stream !== true) {
    const json: unknown = await response.json();
    const reply = openAiReply.safeParse(json).success
      ? json
      : completionFromNative(nativeReply.parse(json), envelope);
    return replyOf(Response.json(reply));
  }
  const headers = { "content-type": "text/event-stream" };
  return replyOf(new Response(nativeStream(response.body, envelope), { headers }));
}

function nativeStream(source: ReadableStream<Uint8Array>, envelope: Envelope): ReadableStream<Uint8Array> {
  const state = { envelope, roleSent: false, usage: null as unknown, openAi: false };
  const events: string[] = [];
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const parser = createParser({ onEvent: ({ data }) => events.push(...chunksFromNative(data, state)) });
  const reader = source.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      while (events.length === 0) {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        parser.feed(decoder.decode(value, { stream: true }));
      }
      controller.enqueue(
        encoder.encode(
          events
            .splice(0)
            .map((data) => `data: ${data}\n\n`)
            .join(""),
        ),
      );
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
