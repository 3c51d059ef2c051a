import type { InputPart, Message, ModelRequest } from "../dialects/model-request.ts";
import type { FinishReason, ReplyChoice } from "../dialects/reply.ts";
import type { Asked, SlmAnswer } from "../routing/verify/answer.ts";

const FINISH: Record<FinishReason, NonNullable<SlmAnswer["finish"]>> = {
  stop: "complete",
  stop_sequence: "complete",
  tool_calls: "complete",
  length: "cut",
  context_length: "cut",
  pause: "cut",
  content_filter: "filtered",
  refusal: "refused",
};

function inputText(parts: readonly InputPart[]): string[] {
  return parts.flatMap((part) => {
    if (part.type === "text") return part.text;
    return part.type === "file" && part.source.kind === "text" ? part.source.text : [];
  });
}

/** What a message says in words; a tool call's arguments are words too, since later calls repeat them. */
export function messageTexts(message: Message): string[] {
  if (message.role !== "assistant") return inputText(message.content);
  return message.content.flatMap((part) => {
    if (part.type === "tool_call") return part.arguments;
    return part.type === "reasoning" ? [] : part.text;
  });
}

function toolChoiceOf({ toolChoice }: ModelRequest): Asked["toolChoice"] {
  if (toolChoice === null) return { mode: "auto", names: null };
  if (toolChoice.type === "tool") return { mode: "required", names: [toolChoice.name] };
  if (toolChoice.type === "allowed") return { mode: toolChoice.mode, names: toolChoice.names };
  return { mode: toolChoice.type, names: null };
}

/** A request as verification sees it (`src/routing/verify/`). */
export function askedOf(request: ModelRequest): Asked {
  const { format } = request;
  const last = request.messages.findLast(({ role }) => role === "user");
  return {
    tools: request.tools.map(({ name, description, parameters }) => ({ name, description, parameters })),
    toolChoice: toolChoiceOf(request),
    parallelToolCalls: request.parallelToolCalls !== false,
    format: format === null ? null : { schema: format.type === "json_schema" ? format.schema : null },
    context: request.messages.flatMap(messageTexts),
    request: last === undefined ? "" : messageTexts(last).join("\n"),
  };
}

/** One choice of a small model's reply as verification sees it. */
export function answerOf({ parts, finish, logprobs }: ReplyChoice): SlmAnswer {
  const refusals = parts.flatMap((part) => (part.type === "refusal" ? part.text : []));
  return {
    text: parts.flatMap((part) => (part.type === "text" ? part.text : [])).join(""),
    refusal: refusals.length === 0 ? null : refusals.join(""),
    calls: parts.flatMap((part) =>
      part.type === "tool_call" ? { name: part.name, arguments: part.arguments } : [],
    ),
    finish: finish === null ? null : FINISH[finish],
    tokens:
      logprobs?.map(({ token, logprob, top_logprobs }) => ({
        text: token,
        logprob,
        runnerUp: top_logprobs.find((other) => other.token !== token)?.logprob ?? null,
      })) ?? null,
  };
}
