import { invalidRequest, unsupportedParameter } from "../../serve/node-errors.ts";
import type { CompletionPrompt, CompletionRequest } from "../completion-request.ts";
import { type PromptTokenizer, toPromptTokens } from "./prompt-tokens.ts";
import { createReplyStream, type ReplyStream } from "./reply-stream.ts";
import type { ReplyReader } from "./tool-calls/reply-reader.ts";

/** What of a model a call of the completions API needs. */
export interface CompletionModel<T extends number> extends PromptTokenizer<T> {
  /** A text in which control tokens are text. */
  tokenizePlain(text: string): T[];
  textOf(tokens: readonly T[]): string;
  eos: T | null;
  /** Tokens around what stands before and after a text to be written; null: it was not trained on such. */
  infill: { prefix: T; suffix: T; middle: T } | null;
  /** Tokens are numbered below it. */
  vocabularySize: number;
}

export interface PreparedCompletion<T> {
  prompts: T[][];
  /** Reads one answer; they are numbered over all prompts. */
  newReply(choice: number): ReplyStream;
}

/** @throws {NodeError} 400 for tokens that the model does not have, and for a `suffix` that it was not trained on */
export function prepareCompletion<T extends number>(
  model: CompletionModel<T>,
  request: CompletionRequest,
): PreparedCompletion<T> {
  const { suffix } = request;
  const prompts = request.prompts.map((prompt, index) => {
    if (typeof prompt !== "string") assertTokens(prompt, model, index);
    if (suffix !== null) return infilling(model, prompt, suffix);
    const tokens = typeof prompt === "string" ? toPromptTokens([prompt], model) : (prompt as T[]);
    return tokens.length > 0 ? tokens : [beginning(model)];
  });
  const echoes = request.echo
    ? request.prompts.map((prompt) => (typeof prompt === "string" ? prompt : model.textOf(prompt as T[])))
    : null;
  return {
    prompts,
    newReply(choice) {
      const reply = createReplyStream(createPlainReader(), request.stop);
      const echo = echoes?.[Math.floor(choice / request.n)] ?? "";
      return echo === "" ? reply : withEcho(reply, echo);
    },
  };
}

function assertTokens(
  prompt: readonly number[],
  { vocabularySize }: { vocabularySize: number },
  index: number,
): void {
  const unknown = prompt.find((token) => token >= vocabularySize);
  if (unknown === undefined) return;
  throw invalidRequest({
    message: `Prompt ${index} has token ${unknown}, and this model has ${vocabularySize} tokens. Token ids belong to one model's vocabulary.`,
    param: "prompt",
  });
}

/** With the ends around it in the order that models learn (FIM, Bavarian et al. 2022: prefix, suffix, middle). */
function infilling<T extends number>(
  model: CompletionModel<T>,
  prompt: CompletionPrompt,
  suffix: string,
): T[] {
  const { infill, bos, prependBos } = model;
  if (infill === null) throw unsupportedParameter("suffix", "this model was not trained on it");
  return [
    ...(prependBos && bos !== null ? [bos] : []),
    infill.prefix,
    ...(typeof prompt === "string" ? model.tokenizePlain(prompt) : (prompt as T[])),
    infill.suffix,
    ...model.tokenizePlain(suffix),
    infill.middle,
  ];
}

/** What a text without a beginning goes on from. */
function beginning<T extends number>({ bos, eos }: CompletionModel<T>): T {
  const token = bos ?? eos;
  if (token === null) {
    throw invalidRequest({
      message: "This model cannot begin a text from nothing. Send a prompt.",
      param: "prompt",
    });
  }
  return token;
}

/** A reply that is all text. */
function createPlainReader(): ReplyReader {
  let written = 0;
  return {
    push(text) {
      const at = written;
      written += text.length;
      return text === "" ? [] : [{ type: "content", text, at }];
    },
    flush: () => [],
    calls: () => 0,
    thinks: () => false,
  };
}

/** Shows the prompt before the reply. Stop texts are not looked for in it. */
function withEcho(reply: ReplyStream, echo: string): ReplyStream {
  let told = false;
  const tell = (shown: ReturnType<ReplyStream["push"]>): typeof shown => {
    if (told) return shown;
    told = true;
    return { ...shown, parts: [{ part: { type: "content", text: echo }, logprobs: [] }, ...shown.parts] };
  };
  return {
    ...reply,
    push: (text, entry) => tell(reply.push(text, entry)),
    finish: (text) => tell(reply.finish(text)),
  };
}
