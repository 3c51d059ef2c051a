import { randomBytes } from "node:crypto";
import type { Token } from "node-llama-cpp";
import { NodeError } from "../../serve/contract.ts";
import { invalidRequest } from "../../serve/node-errors.ts";
import { NO_USAGE } from "../chat-output.ts";
import type { ChatRequest } from "../chat-request.ts";
import { fitMessages } from "../fit-messages.ts";
import { generate } from "./generate.ts";
import type { CallMessage, ChildMessage, LoadShape, ParentMessage } from "./ipc.ts";
import { loadRuntime, type Runtime } from "./load.ts";
import { LoadError } from "./load-error.ts";
import { type PreparedCall, prepareCall } from "./prepare-call.ts";
import { toPromptTokens } from "./prompt-tokens.ts";

/** The child process of one model. It speaks `ipc.ts` with its parent, and does not outlive it. */

type GenerateMessage = Extract<ParentMessage, { type: "generate" }>;

interface Call {
  abort: AbortController;
  paused: PromiseWithResolvers<void> | null;
}

/** Native libraries may explain themselves over many lines. */
const MAX_REASON_LENGTH = 500;

const calls = new Map<number, Call>();
let runtime: Runtime | null = null;
const admitted = Promise.withResolvers<LoadShape>();

function send(message: ChildMessage): void {
  // The callback form reports a broken channel there; without a parent, `disconnect` ends this process.
  process.send?.(message, undefined, undefined, () => {});
}

async function load(message: Extract<ParentMessage, { type: "load" }>): Promise<void> {
  try {
    runtime = await loadRuntime(message.options, {
      newNonce: () => randomBytes(8).toString("hex"),
      admit: (plan) => {
        send({ type: "plan", plan });
        return admitted.promise;
      },
      onLog: (level, text) => send({ type: "log", level, message: text }),
      now: () => performance.now(),
    });
    send({ type: "ready", model: runtime.loaded });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const reason = text.replace(/\s+/g, " ").slice(0, MAX_REASON_LENGTH);
    send({
      type: "loadFailed",
      message: error instanceof LoadError ? reason : `The model cannot be loaded: ${reason}`,
    });
  }
}

function tokenizePrompt({ model }: Runtime, pieces: readonly string[]): Token[] {
  return toPromptTokens(pieces, {
    tokenize: (text, { continues }) => model.tokenize(text, true, continues ? "trimLeadingSpace" : undefined),
    isControl: (token) => model.isSpecialToken(token),
    bos: model.tokens.bos,
    prependBos: model.tokens.shouldPrependBosToken,
  });
}

/** The share of the context that stays free for an answer of unknown length, where messages may go for it. */
const ANSWER_SHARE = 0.25;

/** The call with its prompt: where messages may go, with as many of them as leave room for the answer. */
function prepareFitting(runtime: Runtime, request: ChatRequest): { prepared: PreparedCall; prompt: Token[] } {
  const prepare = (messages: ChatRequest["messages"]) => {
    const prepared = prepareCall(runtime.template, { ...request, messages });
    return { prepared, prompt: tokenizePrompt(runtime, prepared.prompt) };
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

async function run(message: GenerateMessage, call: Call): Promise<void> {
  if (runtime === null) throw new Error("a call came before the model was ready");
  const { id, request, scope } = message;
  const { slots, loaded } = runtime;
  const receivedAt = performance.now();
  const elapsedUs = (): number => Math.round((performance.now() - receivedAt) * 1000);
  const { prepared, prompt } = prepareFitting(runtime, request);
  if (prompt.length >= loaded.contextTokens) {
    throw invalidRequest({
      code: "context_length_exceeded",
      message: `The prompt has ${prompt.length} tokens, and this model's context on this node holds ${loaded.contextTokens} with the answer. Shorten the messages, or send 'truncation': 'auto' to leave the oldest out.`,
      param: "messages",
    });
  }
  assertBiasedTokens(request.logitBias, runtime.vocabularySize);
  const grammar = await compileGrammar(runtime, prepared.grammar);
  const { signal } = call.abort;
  const slotCall = { prompt, scope };
  let prefillStartUs = 0;
  const onTaken = (): void => {
    prefillStartUs = elapsedUs();
  };
  const slot = await slots.acquire({ ...slotCall, onTaken }, signal);
  if (slot === null) {
    const usage = { ...NO_USAGE, promptTokens: prompt.length };
    send({ type: "end", id, cancelled: true, usage, confidence: null, endUs: elapsedUs() });
    return;
  }
  try {
    const ended = await generate({
      ...runtime,
      slot,
      borrow: () => slots.borrow(slotCall),
      giveBack: slots.release,
      renew: runtime.prefixes.renew,
      prompt,
      sampling: request,
      topLogprobs: request.topLogprobs,
      grammar,
      isJson: request.responseFormat.type !== "text" || request.tools.choice.mode === "required",
      signal,
      ready: () => call.paused?.promise ?? Promise.resolve(),
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

async function start(message: GenerateMessage): Promise<void> {
  const { id } = message;
  const call: Call = { abort: new AbortController(), paused: null };
  calls.set(id, call);
  try {
    await run(message, call);
  } catch (error) {
    send(toFailed(id, error));
  } finally {
    calls.delete(id);
  }
}

function toFailed(id: number, error: unknown): CallMessage {
  if (error instanceof NodeError) {
    const { code, message, status, retryable, param } = error;
    return { type: "failed", id, error: { code, message, status, retryable, param } };
  }
  send({
    type: "log",
    level: "error",
    message: error instanceof Error ? String(error.stack) : String(error),
  });
  return {
    type: "failed",
    id,
    error: {
      code: "engine_failed",
      message: "The engine failed to run this call; the node's log has the cause.",
      status: 500,
      retryable: true,
    },
  };
}

process.on("message", (message: ParentMessage) => {
  switch (message.type) {
    case "load":
      void load(message);
      break;
    case "proceed":
      admitted.resolve(message.shape);
      break;
    case "generate":
      void start(message);
      break;
    case "cancel": {
      const call = calls.get(message.id);
      call?.abort.abort();
      call?.paused?.resolve();
      break;
    }
    case "pause": {
      const call = calls.get(message.id);
      if (call !== undefined) call.paused ??= Promise.withResolvers();
      break;
    }
    case "resume": {
      const call = calls.get(message.id);
      call?.paused?.resolve();
      if (call !== undefined) call.paused = null;
      break;
    }
  }
});

// The parent is gone. Nothing needs saving, and a clean exit could wait for threads that compute.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
// Ctrl-C reaches the whole process group: the parent decides when this process ends.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
