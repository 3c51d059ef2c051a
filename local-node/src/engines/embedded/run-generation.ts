import type { Token } from "node-llama-cpp";
import { invalidRequest } from "../../serve/node-errors.ts";
import { NO_USAGE } from "../chat-output.ts";
import type { ChatRequest } from "../chat-request.ts";
import { fitMessages } from "../fit-messages.ts";
import { generate } from "./generate.ts";
import type { CallMessage, GenerateRequest, ParentMessage } from "./ipc.ts";
import type { Runtime } from "./load.ts";
import type { Lane } from "./open-lane.ts";
import { type PreparedCall, prepareCall } from "./prepare-call.ts";
import { prepareCompletion } from "./prepare-completion.ts";
import { toPromptTokens } from "./prompt-tokens.ts";
import type { ReplyStream } from "./reply-stream.ts";

type GenerateMessage = Extract<ParentMessage, { type: "generate" }>;

/** How a running call hears of its caller, and its caller of it. */
export interface CallControl {
  signal: AbortSignal;
  /** Resolves when the reader wants more. */
  ready(): Promise<void>;
  send(message: CallMessage): void;
}

/** The share of the context that stays free for an answer of unknown length, where messages may go for it. */
const ANSWER_SHARE = 0.25;

/** What a call comes to with this model. */
interface Prepared extends Pick<PreparedCall, "grammar"> {
  prompts: Token[][];
  newReply(choice: number): ReplyStream;
  /** The grammar is of JSON. */
  isJson: boolean;
  /** The field that a prompt which is too long came in, and what would help. */
  tooLong: { param: string; remedy: string };
}

function prepare(runtime: Runtime, request: GenerateRequest): Prepared {
  if (request.kind === "completion") {
    return {
      ...prepareCompletion(runtime.tokenizer, request),
      grammar: request.grammar === null ? null : { exact: request.grammar, loose: null },
      isJson: false,
      tooLong: { param: "prompt", remedy: "Shorten it." },
    };
  }
  const { prepared, prompt } = prepareFitting(runtime, request);
  return {
    ...prepared,
    prompts: [prompt],
    isJson: request.responseFormat.type !== "text" || request.tools.choice.mode === "required",
    tooLong: {
      param: "messages",
      remedy: "Shorten the messages, or send 'truncation': 'auto' to leave the oldest out.",
    },
  };
}

/** The call with its prompt: where messages may go, with as many of them as leave room for the answer. */
function prepareFitting(runtime: Runtime, request: ChatRequest): { prepared: PreparedCall; prompt: Token[] } {
  const prepare = (messages: ChatRequest["messages"]) => {
    const prepared = prepareCall(runtime.template, { ...request, messages });
    return { prepared, prompt: toPromptTokens(prepared.prompt, runtime.tokenizer) };
  };
  if (!request.truncate) return prepare(request.messages);
  const share = Math.floor(runtime.loaded.contextTokens * ANSWER_SHARE);
  const most = runtime.loaded.contextTokens - Math.min(request.maxTokens ?? share, share);
  let fitting: ReturnType<typeof prepare> | null = null;
  fitMessages(request.messages, (messages) => {
    const attempt = prepare(messages);
    if (attempt.prompt.length > most) return false;
    fitting = attempt; // each one that fits is longer than the one before
    return true;
  });
  return fitting ?? prepare(request.messages);
}

/** Runs one call to its end, and tells of all that comes of it. @throws {NodeError} 400 */
export async function runGeneration(
  runtime: Runtime,
  { id, request, scope, adapter }: GenerateMessage,
  { signal, ready, send }: CallControl,
): Promise<void> {
  const { loaded } = runtime;
  const receivedAt = performance.now();
  const elapsedUs = (): number => Math.round((performance.now() - receivedAt) * 1000);
  const prepared = prepare(runtime, request);
  const { prompts } = prepared;
  const longest = prompts.reduce((most, { length }) => Math.max(most, length), 0);
  if (longest >= loaded.contextTokens) {
    throw invalidRequest({
      code: "context_length_exceeded",
      message: `The prompt has ${longest} tokens, and this model's context on this node holds ${loaded.contextTokens} with the answer. ${prepared.tooLong.remedy}`,
      param: prepared.tooLong.param,
    });
  }
  assertBiasedTokens(request.logitBias, runtime.tokenizer.vocabularySize);
  const grammar = await compileGrammar(runtime, prepared.grammar);
  const lane = await runtime.lanes.enter(adapter);
  try {
    await runOn(lane.lane);
  } finally {
    lane.leave();
  }

  async function runOn({ slots, prefixes }: Lane): Promise<void> {
    let prefillStartUs = 0;
    const onTaken = (): void => {
      prefillStartUs = elapsedUs();
    };
    const slot = await slots.acquire({ prompt: prompts[0] ?? [], scope, onTaken }, signal);
    if (slot === null) {
      const usage = { ...NO_USAGE, promptTokens: prompts.reduce((sum, { length }) => sum + length, 0) };
      send({ type: "end", id, cancelled: true, usage, confidence: null, endUs: elapsedUs() });
      return;
    }
    try {
      const ended = await generate({
        ...runtime,
        slot,
        borrow: (prompt) => slots.borrow({ prompt, scope }),
        giveBack: slots.release,
        renew: prefixes.renew,
        prompts,
        sampling: request,
        topLogprobs: request.topLogprobs,
        grammar,
        isJson: prepared.isJson,
        signal,
        ready,
        onPrefill: (usage) => send({ type: "prefill", id, usage, prefillStartUs }),
        onFirstToken: (usage) => send({ type: "first", id, usage, firstTokenUs: elapsedUs() }),
        newReply: prepared.newReply,
        onPart: (shown) => send({ type: "part", id, ...shown }),
        onFinish: (choice, finishReason) => send({ type: "finish", id, choice, finishReason }),
      });
      send({ type: "end", id, ...ended, endUs: elapsedUs() });
    } finally {
      slots.release(slot);
    }
  }
}

/** Where the grammar of the tools' schemas is more than the engine takes, a looser one still makes calls of them. */
async function compileGrammar({ grammars }: Runtime, grammar: PreparedCall["grammar"]) {
  if (grammar === null) return null;
  try {
    return await grammars.compile(grammar.exact);
  } catch (error) {
    const loose = grammar.loose?.() ?? null;
    if (loose === null) throw error;
    return await grammars.compile(loose);
  }
}

function assertBiasedTokens(bias: ChatRequest["logitBias"], vocabularySize: number): void {
  const unknown = bias.find(([token]) => token >= vocabularySize);
  if (unknown === undefined) return;
  throw invalidRequest({
    message: `'logit_bias' names token ${unknown[0]}, and this model has ${vocabularySize} tokens. Token ids belong to one model's vocabulary.`,
    param: "logit_bias",
  });
}
