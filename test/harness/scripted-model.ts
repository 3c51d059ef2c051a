import { chatEvent, EVENT_STREAM, errorReply } from "./chat-replies.ts";
import { messageReply, messageStream } from "./messages-replies.ts";
import type { Reply, UpstreamRequest } from "./upstream.ts";

/** What the scripted model does with the one tool that it knows, `weather`. */
export const WEATHER_ARGUMENTS = { city: "Zürich" };
/** What it says when it was given the tool's result. */
export const FINAL_WORDS = "It is sunny.";
/** What it says when nothing else is asked of it. */
export const PLAIN_WORDS = "Hello there.";
/** What it answers where an object is asked for. */
export const OBJECT = { city: "Zürich", degrees: 21 };
/** A model that is always over its limit, and one that is always broken; `gpt-` or `claude-` before it. */
export const BUSY = "busy";
export const BROKEN = "broken";

interface Body {
  model: string;
  stream?: boolean;
  messages: { role: string; content: unknown }[];
  tools?: { name?: string; type?: string; function?: { name: string } }[];
  tool_choice?: { type?: string; name?: string; function?: { name: string } } | string;
  response_format?: { type: string };
  output_config?: { format?: unknown };
  output_format?: unknown;
}

type Answer = { words: string } | { tool: string; input: object };

function answerTo(body: Body): Answer {
  const names = (body.tools ?? []).map((tool) => tool.function?.name ?? tool.name ?? "");
  const choice = typeof body.tool_choice === "object" ? body.tool_choice : undefined;
  const forced = choice?.function?.name ?? choice?.name;
  // What a client or the gateway makes of a schema where structured output is a tool that must be called.
  const outputTool = [forced, ...names].find(
    (name) => name !== undefined && name !== "" && name !== "weather",
  );
  const hasResult = body.messages.some(
    ({ role, content }) =>
      role === "tool" || (Array.isArray(content) && JSON.stringify(content).includes("tool_result")),
  );
  if (names.includes("weather") && !hasResult) return { tool: "weather", input: WEATHER_ARGUMENTS };
  if (outputTool !== undefined) return { tool: outputTool, input: OBJECT };
  const format =
    body.response_format?.type === "json_schema" || body.output_config?.format || body.output_format;
  return { words: format ? JSON.stringify(OBJECT) : hasResult ? FINAL_WORDS : PLAIN_WORDS };
}

const CHAT_USAGE = {
  prompt_tokens: 8,
  completion_tokens: 4,
  total_tokens: 12,
  prompt_tokens_details: { cached_tokens: 3 },
};

function chatAnswer(body: Body): Reply {
  const answer = answerTo(body);
  const isTool = "tool" in answer;
  const finish = isTool ? "tool_calls" : "stop";
  const call = isTool
    ? {
        id: "call_1",
        type: "function",
        function: { name: answer.tool, arguments: JSON.stringify(answer.input) },
      }
    : null;
  if (body.stream) {
    const deltas = isTool
      ? [{ role: "assistant", content: null, tool_calls: [{ index: 0, ...call }] }]
      : [{ role: "assistant", content: answer.words.slice(0, 6) }, { content: answer.words.slice(6) }];
    return {
      headers: EVENT_STREAM,
      steps: [
        ...deltas.map((delta) => ({ send: chatEvent({ delta }) })),
        { send: chatEvent({ delta: {}, finishReason: finish }) },
        { send: chatEvent({ usage: CHAT_USAGE }) },
        { send: "data: [DONE]\n\n" },
      ],
    };
  }
  const message = isTool
    ? { role: "assistant", content: null, tool_calls: [call] }
    : { role: "assistant", content: answer.words };
  const reply = {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1,
    model: "canned-model",
    choices: [{ index: 0, message, finish_reason: finish }],
    usage: CHAT_USAGE,
  };
  return { headers: { "content-type": "application/json" }, steps: [{ send: JSON.stringify(reply) }] };
}

function messagesAnswer(body: Body): Reply {
  const answer = answerTo(body);
  const options =
    "tool" in answer
      ? {
          blocks: [{ type: "tool_use" as const, id: "toolu_1", name: answer.tool, input: answer.input }],
          stopReason: "tool_use",
        }
      : { blocks: [{ type: "text" as const, text: answer.words }] };
  return body.stream ? messageStream(options) : messageReply(options);
}

const json = (status: number, body: object): Reply => ({
  status,
  headers: { "content-type": "application/json" },
  steps: [{ send: JSON.stringify(body) }],
});

function anthropicError(status: number, type: string): Reply {
  return json(status, { type: "error", error: { type, message: `canned ${type}` } });
}

/** Answers by what a request has, as a provider that speaks OpenAI's chat and Anthropic's messages, and no more. */
export function scriptedModel(request: UpstreamRequest): Reply {
  const { path } = request;
  const body = JSON.parse(request.body.toString()) as Body;
  const anthropic = path === "/v1/messages";
  if (!anthropic && path !== "/v1/chat/completions")
    return path === "/v1/messages/count_tokens"
      ? json(200, { input_tokens: 4711 })
      : json(404, { detail: "Not Found" });
  if (body.model.endsWith(BUSY))
    return anthropic
      ? anthropicError(429, "rate_limit_error")
      : errorReply({ status: 429, code: "rate_limit_exceeded" });
  if (body.model.endsWith(BROKEN))
    return anthropic ? anthropicError(500, "api_error") : errorReply({ status: 500, code: "server_error" });
  return anthropic ? messagesAnswer(body) : chatAnswer(body);
}

/** A provider that streams its answer whatever was asked for, as some servers and proxies do. */
export function alwaysStreaming(
  provider: (request: UpstreamRequest) => Reply,
): (request: UpstreamRequest) => Reply {
  return (request) => {
    if (request.path.endsWith("/count_tokens")) return provider(request);
    const body = { ...(JSON.parse(request.body.toString()) as Body), stream: true };
    return provider({ ...request, body: Buffer.from(JSON.stringify(body)) });
  };
}
