import type { ChatIdentity, ChatUsage, FinishReason } from "../chat-output.ts";
import {
  type CompletionChoice,
  createTextChunkRenderer,
  renderTextCompletion,
} from "../completion-output.ts";
import { type CompletionRequest, parseCompletionRequest } from "../completion-request.ts";
import type { Answer, PartMessage, Renderer } from "./run-call.ts";

/** Reads a call of the completions API. @throws {NodeError} 400 that names the field */
export function completionAnswer(body: Uint8Array, identity: ChatIdentity): Answer {
  const completion = parseCompletionRequest(body);
  const { n, shown, stream, topLogprobs } = completion;
  return {
    // The best answers are those whose tokens were the likeliest.
    request: { kind: "completion", ...completion, topLogprobs: n > shown ? (topLogprobs ?? 0) : topLogprobs },
    renderer: stream ? createStreamRenderer(identity, completion) : createWholeRenderer(identity, completion),
    streamed: stream,
    answerCheck: null,
    callCheck: null,
  };
}

function textOf({ part }: PartMessage): string {
  return part.type === "content" ? part.text : "";
}

function createStreamRenderer(
  identity: ChatIdentity,
  { includeUsage, topLogprobs }: CompletionRequest,
): Renderer {
  const chunks = createTextChunkRenderer(identity, includeUsage);
  return {
    start: () => null,
    part: (message) =>
      chunks.text(message.choice, textOf(message), topLogprobs === null ? null : message.logprobs),
    finish: (choice, finishReason) => chunks.finish(choice, finishReason),
    end: (usage) => chunks.end(usage),
  };
}

/** Collects the answers of a call that is not streamed; they are bounded by the context. */
function createWholeRenderer(identity: ChatIdentity, request: CompletionRequest): Renderer {
  const { n, shown, prompts } = request;
  const answers = Array.from({ length: prompts.length * n }, () => ({
    text: "",
    logprobs: [] as PartMessage["logprobs"],
    finishReason: "stop" as FinishReason,
  }));
  const choices = (): CompletionChoice[] =>
    prompts
      .flatMap((_, index) => likeliest(answers.slice(index * n, (index + 1) * n), shown))
      .map((answer) => ({ ...answer, logprobs: request.topLogprobs === null ? null : answer.logprobs }));
  return {
    start: () => null,
    part(message) {
      const answer = answers[message.choice];
      if (answer !== undefined) answer.text += textOf(message);
      answer?.logprobs.push(...message.logprobs);
      return null;
    },
    finish(choice, finishReason) {
      const answer = answers[choice];
      if (answer !== undefined) answer.finishReason = finishReason;
      return null;
    },
    end: (usage: ChatUsage) => renderTextCompletion(identity, { choices: choices(), usage }),
  };
}

/** The `count` answers whose tokens were the likeliest on average, the best first; all of them in their order. */
function likeliest<A extends Pick<PartMessage, "logprobs">>(answers: A[], count: number): A[] {
  if (count === answers.length) return answers;
  // The end token is not among them: an answer that says nothing is the last choice.
  const mean = ({ logprobs }: A): number =>
    logprobs.length === 0
      ? Number.NEGATIVE_INFINITY
      : logprobs.reduce((sum, { logprob }) => sum + logprob, 0) / logprobs.length;
  return answers.toSorted((a, b) => mean(b) - mean(a)).slice(0, count);
}
