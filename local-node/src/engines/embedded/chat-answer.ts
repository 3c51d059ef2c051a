import { concatBytes } from "../../../../src/tunnel/protocol/frames.ts";
import { createCallCheck } from "../call-check.ts";
import { type ChatChoice, type ChatIdentity, createChunkRenderer, renderCompletion } from "../chat-output.ts";
import { type ChatRequest, parseChatRequest } from "../chat-request.ts";
import { createAnswerCheck, toAnswerFormat } from "../response-format.ts";
import type { Answer, PartMessage, Renderer } from "./run-call.ts";

/** Reads a call of the chat API. @throws {NodeError} 400 that names the field */
export function chatAnswer(body: Uint8Array, identity: ChatIdentity): Answer {
  const chat = parseChatRequest(body);
  const format = toAnswerFormat(chat.responseFormat);
  return {
    request: { kind: "chat", ...chat, grammar: format?.grammar ?? chat.grammar },
    renderer: chat.stream
      ? createStreamRenderer(createChunkRenderer(identity, chat.includeUsage), chat)
      : createWholeRenderer(identity, chat),
    streamed: chat.stream,
    answerCheck: format === null ? null : createAnswerCheck(format),
    callCheck: createCallCheck(chat.tools.tools),
  };
}

function createStreamRenderer(
  chunks: ReturnType<typeof createChunkRenderer>,
  { topLogprobs, n }: ChatRequest,
): Renderer {
  return {
    start: () => concatBytes(Array.from({ length: n }, (_, choice) => chunks.start(choice))),
    part: ({ choice, part, logprobs }) =>
      chunks.part(choice, part, topLogprobs === null || part.type !== "content" ? null : logprobs),
    finish: (choice, finishReason) => chunks.finish(choice, finishReason),
    end: (usage) => chunks.end(usage),
  };
}

/** Collects the choices of a call that is not streamed; they are bounded by the context. */
function createWholeRenderer(identity: ChatIdentity, { topLogprobs, n }: ChatRequest): Renderer {
  const choices = Array.from(
    { length: n },
    (): ChatChoice => ({
      content: "",
      reasoning: "",
      toolCalls: [],
      logprobs: topLogprobs === null ? null : [],
      finishReason: "stop",
    }),
  );
  return {
    start: () => null,
    part({ choice, part, logprobs }) {
      const collected = choices[choice];
      if (collected !== undefined) addPart(collected, part);
      collected?.logprobs?.push(...logprobs);
      return null;
    },
    finish(choice, finishReason) {
      const collected = choices[choice];
      if (collected !== undefined) collected.finishReason = finishReason;
      return null;
    },
    end: (usage) => renderCompletion(identity, { choices, usage }),
  };
}

function addPart(choice: ChatChoice, part: PartMessage["part"]): void {
  switch (part.type) {
    case "content":
      choice.content += part.text;
      break;
    case "reasoning":
      choice.reasoning += part.text;
      break;
    case "call":
      choice.toolCalls[part.index] = { id: part.id, name: part.name, arguments: "" };
      break;
    case "arguments": {
      const call = choice.toolCalls[part.index];
      if (call !== undefined) call.arguments += part.text;
      break;
    }
  }
}
