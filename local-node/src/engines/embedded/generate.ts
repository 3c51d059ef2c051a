import {
  type LlamaContextSequence,
  type LlamaGrammar,
  LlamaGrammarEvaluationState,
  type LlamaModel,
  type Token,
} from "node-llama-cpp";
import type { Confidence } from "../../../../src/tunnel/protocol/confidence.ts";
import { type ChatUsage, type FinishReason, NO_USAGE } from "../chat-output.ts";
import type { TokenLogprob } from "../logprobs.ts";
import { type Sampling, toSeed } from "../sampling.ts";
import { type ChoiceSummary, createChoiceConfidence, toConfidence } from "./confidence.ts";
import { createLoopGuard } from "./loop-guard.ts";
import type { SequenceSlot } from "./prefix-cache.ts";
import type { ReplyStream, ShownPart } from "./reply-stream.ts";
import { createTokenSampler, type Pick } from "./sampler.ts";
import type { SliceSize } from "./slice-size.ts";
import type { PrefillThreads, ThreadGovernor } from "./threads.ts";
import type { TokenLabel } from "./token-labels.ts";
import { createTokenStream } from "./token-stream.ts";
import { createTokenText } from "./token-text.ts";

export interface GenerateOptions {
  model: LlamaModel;
  /** Where the call runs; prepared for its prompt. */
  slot: SequenceSlot;
  /** Another slot for more of its choices, prepared likewise; null: there is none now. */
  borrow(prompt: Token[]): Promise<SequenceSlot | null>;
  giveBack(slot: SequenceSlot): void;
  /** Empties a slot, whatever state its sequence is in. */
  renew(slot: SequenceSlot): Promise<void>;
  threads: ThreadGovernor;
  slices: SliceSize;
  /** Each is answered `sampling.n` times; choices are numbered through. */
  prompts: Token[][];
  sampling: Sampling;
  /** Log-probabilities to report for each token, with so many of the likeliest in its place; null: none. */
  topLogprobs: number | null;
  /** What every choice must match. */
  grammar: LlamaGrammar | null;
  /** The grammar is of JSON: a model that loops in it is led out. */
  isJson: boolean;
  labelOf: (token: Token) => TokenLabel;
  signal: AbortSignal;
  /** Resolves when the reader wants more. */
  ready(): Promise<void>;
  onPrefill(usage: ChatUsage): void;
  onFirstToken(usage: ChatUsage): void;
  /** Reads one choice. */
  newReply(choice: number): ReplyStream;
  /** Whether a control token belongs to the text: those that a reply's calls and thoughts are marked with. */
  showsControl(token: Token): boolean;
  onPart(shown: ShownPart & { choice: number; completionTokens: number }): void;
  onFinish(choice: number, finishReason: FinishReason): void;
}

export interface Generated {
  /** The signal fired before all choices had ended. */
  cancelled: boolean;
  usage: ChatUsage;
  /** Null: no token was generated. */
  confidence: Confidence | null;
}

/** One choice while it is generated. */
interface Choice {
  index: number;
  prompt: Token[];
  /** Among those of its prompt. */
  ordinal: number;
  sequence: LlamaContextSequence;
  /** Of the whole call. */
  usage: ChatUsage;
  summaries: ChoiceSummary[];
  onFirstToken(): void;
}

/**
 * Runs one call: its first choice on its slot, and the others on the slots that are free then, or one after another.
 * A prompt goes in slices, since the engine cannot be stopped inside one evaluation; what a slot already holds of
 * it is reused. Never shifts the context: a full one ends a choice with `length`.
 */
export async function generate(options: GenerateOptions): Promise<Generated> {
  const { prompts } = options;
  const { n } = options.sampling;
  const count = prompts.length * n;
  const promptOf = (index: number): Token[] => prompts[Math.floor(index / n)] ?? [];
  const usage: ChatUsage = {
    ...NO_USAGE,
    promptTokens: prompts.reduce((sum, prompt) => sum + prompt.length, 0),
  };
  const summaries: ChoiceSummary[] = [];
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const helpers: Promise<void>[] = [];
  let next = 0;
  let cancelled = false;

  const work = async (slot: SequenceSlot): Promise<void> => {
    while (next < count && !cancelled) {
      const index = next++;
      const onFirstToken = (): void => {
        if (index !== 0) return;
        options.onFirstToken(usage);
        for (let helper = 1; helper < count; helper++) helpers.push(help());
      };
      const choice = {
        index,
        prompt: promptOf(index),
        ordinal: index % n,
        sequence: slot.sequence,
        usage,
        summaries,
        onFirstToken,
      };
      const finishReason = await generateChoice({ ...options, signal }, choice).catch(async (error) => {
        // Nobody knows what the failed evaluation left behind.
        await options.renew(slot);
        throw error;
      });
      if (finishReason === null) cancelled = true;
      else options.onFinish(index, finishReason);
    }
  };
  const help = async (): Promise<void> => {
    if (next >= count) return;
    const slot = await options.borrow(promptOf(next));
    if (slot === null) return;
    try {
      await work(slot);
    } catch (error) {
      failed.abort();
      throw error;
    } finally {
      options.giveBack(slot);
    }
  };

  const outcomes = [await settle(work(options.slot))];
  if (outcomes[0] !== null) failed.abort();
  outcomes.push(...(await Promise.all(helpers.map(settle))));
  for (const failure of outcomes) if (failure !== null) throw failure.error;
  return { cancelled, usage, confidence: toConfidence(summaries) };
}

/** What a promise failed with; null: it did not. */
function settle(promise: Promise<unknown>): Promise<{ error: unknown } | null> {
  return promise.then(
    () => null,
    (error: unknown) => ({ error }),
  );
}

/** Null: the signal fired. */
async function generateChoice(options: GenerateOptions, choice: Choice): Promise<FinishReason | null> {
  const threads = options.threads.enterPrefill();
  try {
    const rest = await prefill(options, choice, threads);
    if (rest === null) return null;
    const endSlice = threads.beginSlice(rest.length);
    let isFirst = true;
    return await decodeChoice(options, choice, rest, () => {
      if (isFirst) {
        endSlice();
        threads.leave();
        choice.onFirstToken();
      }
      isFirst = false;
    });
  } finally {
    threads.leave();
  }
}

async function decodeChoice(
  options: GenerateOptions,
  choice: Choice,
  rest: Token[],
  onToken: () => void,
): Promise<FinishReason | null> {
  const { model, sampling, signal } = options;
  const { prompt, sequence, usage } = choice;
  const room = sequence.contextSize - prompt.length;
  const limit = Math.min(sampling.maxTokens ?? room, room);
  const tokenText = createTokenText((tokens, preceding) =>
    model.detokenize(
      tokens as readonly Token[],
      (tokens as readonly Token[]).some(options.showsControl),
      preceding as readonly Token[],
    ),
  );
  const reply = options.newReply(choice.index);
  const confidence = createChoiceConfidence();
  choice.summaries[choice.index] = confidence.summary();
  const show = ({ parts, stopped }: ReturnType<ReplyStream["push"]>): boolean => {
    for (const part of parts) {
      options.onPart({ choice: choice.index, ...part, completionTokens: usage.completionTokens });
    }
    return stopped;
  };
  const finish = (finishReason: FinishReason): FinishReason => {
    const stopped = show(reply.finish(tokenText.flush()));
    if (finishReason === "length" && !stopped) return "length";
    return reply.calls() > 0 ? "tool_calls" : "stop";
  };

  const guard = options.isJson ? createLoopGuard((text) => tokenOf(model, text)) : null;
  const sampler = createTokenSampler({
    sequence,
    sampling: { ...sampling, seed: sampling.seed === null ? null : toSeed(sampling.seed + choice.ordinal) },
    topLogprobs: options.topLogprobs,
    forced: guard?.closers,
    grammar:
      options.grammar === null ? null : new LlamaGrammarEvaluationState({ model, grammar: options.grammar }),
  });
  const stream = createTokenStream({ sequence, sampler, tokens: rest, limit, signal });
  try {
    for (let count = 1; ; count++) {
      const pick = await stream.next();
      usage.completionTokens++;
      onToken();
      const isEnd = model.isEogToken(pick.token);
      const text = isEnd ? "" : tokenText.push(pick.token);
      confidence.push(pick.confidence, text);
      guard?.push(pick.token, text);
      if (signal.aborted) return null;
      if (isEnd) return finish("stop");
      const logprob = pick.exact === null ? null : toLogprob(pick.token, pick.exact, options.labelOf);
      if (reply.thinks()) usage.reasoningTokens++;
      if (show(reply.push(text, logprob))) return reply.calls() > 0 ? "tool_calls" : "stop";
      if (count >= limit) return finish("length");
      await options.ready();
      if (signal.aborted) return null;
    }
  } finally {
    await stream.close();
  }
}

/** The token that is exactly this text. */
function tokenOf(model: LlamaModel, text: string): Token | null {
  const [token, ...more] = model.tokenize(text, false, "trimLeadingSpace");
  return token === undefined || more.length > 0 || model.detokenize([token]) !== text ? null : token;
}

function toLogprob(
  token: Token,
  { logprob, top }: NonNullable<Pick["exact"]>,
  labelOf: (token: Token) => TokenLabel,
): TokenLogprob {
  return {
    ...labelOf(token),
    logprob,
    top_logprobs: top.map(([other, logprob]) => ({ ...labelOf(other), logprob })),
  };
}

/** Evaluates all but the last slice of what the sequence does not hold yet; null: the signal fired. */
async function prefill(
  options: GenerateOptions,
  { index, prompt, ordinal, sequence, usage }: Choice,
  threads: PrefillThreads,
): Promise<Token[] | null> {
  const { signal, slices } = options;
  // At least one token must be evaluated to have something to sample from.
  await sequence.adaptStateToTokens(prompt.slice(0, -1), false);
  if (ordinal === 0) usage.cachedTokens += sequence.nextTokenIndex;
  if (index === 0) options.onPrefill(usage);
  let next = sequence.nextTokenIndex;
  while (prompt.length - next > slices.tokens()) {
    if (signal.aborted) return null;
    const slice = prompt.slice(next, next + slices.tokens());
    const startedAt = performance.now();
    const endSlice = threads.beginSlice(slice.length);
    await sequence.evaluateWithoutGeneratingNewTokens(slice);
    endSlice();
    slices.observe(slice.length, performance.now() - startedAt);
    next += slice.length;
  }
  if (signal.aborted) return null;
  // Recurrent and sliding-window models can only go back to a checkpoint.
  if (sequence.needsCheckpoints) await sequence.takeCheckpoint();
  return prompt.slice(next);
}
