import type { Json } from "../dialects/json.ts";
import type { Message, ModelRequest, OutputPart } from "../dialects/model-request.ts";
import { openAiChatBackend } from "../dialects/openai-chat/backend.ts";

/** What an item of a data set holds, in the words of OpenAI's chat endpoint, whatever dialect its call came in. */
export interface Example {
  /** Up to what was answered. */
  messages: Json[];
  /** The assistant's message; null where the call had no answer that can be read. */
  answer: Json | null;
  tools?: Json[];
  tool_choice?: unknown;
  parallel_tool_calls?: boolean;
  response_format?: Json;
}

/** No model of OpenAI's, so that instructions are called `system`, as the fine-tuning format wants them. */
const ANY_MODEL = "dataset";

/** Thoughts are their provider's own: no format for training has a place for them, and other models have other ones. */
const withoutThoughts = (message: Message): Message =>
  message.role === "assistant"
    ? { ...message, content: message.content.filter(({ type }) => type !== "reasoning") }
    : message;

/** Writes a call down with its answer. */
export function exampleOf(request: ModelRequest, answer: readonly OutputPart[] | null): Example {
  const said: Message[] = answer === null ? [] : [{ role: "assistant", content: [...answer] }];
  const messages = [...request.messages, ...said].map(withoutThoughts);
  const body = openAiChatBackend.renderRequest({ ...request, messages }, { model: ANY_MODEL, stream: false });
  const rendered = JSON.parse(body) as Omit<Example, "answer">;
  const { tools, tool_choice, parallel_tool_calls, response_format } = rendered;
  const last = answer === null ? null : (rendered.messages.at(-1) ?? null);
  return {
    messages: last === null ? rendered.messages : rendered.messages.slice(0, -1),
    answer: last,
    ...(tools === undefined ? {} : { tools }),
    ...(tool_choice === undefined ? {} : { tool_choice }),
    ...(parallel_tool_calls === undefined ? {} : { parallel_tool_calls }),
    ...(response_format === undefined ? {} : { response_format }),
  };
}
