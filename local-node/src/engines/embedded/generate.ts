import {
  type LlamaContextSequence,
  type LlamaGrammar,
  LlamaGrammarEvaluationState,
  type LlamaModel,
  type Token,
} from "node-llama-cpp";
import type { Confidence } from "../../../../src/tunnel/protocol/confidence.ts";
import type { ChatUsage, FinishReason } from "../chat-output.ts";
import type { TokenLogprob } from "../logprobs.ts";
import { type Sampling, toSeed } from "../sampling.ts";
import { decode } from "./binding.ts";
import { type ChoiceSummary, createChoiceConfidence, toConfidence } from "./confidence.ts";
import { createLogprobRelease } from "./logprob-release.ts";
import { createTokenSampler, type Pick } from "./sampler.ts";
import type { SliceSize } from "./slice-size.ts";
import { createStopMatcher } from "./stop-matcher.ts";
import type { PrefillThreads, ThreadGovernor } from "./threads.ts";
import type { TokenLabel } from "./token-labels.ts";
import { createTokenText } from "./token-text.ts";

export interface GenerateOptions {
  model: LlamaModel;
  sequence: LlamaContextSequence;
  threads: ThreadGovernor;
  slices: SliceSize;
  prompt: Token[];
  sampling: Sampling;
  /** Log-probabilities to report for each token, with so many of the likeliest in its place; null: none. */
  topLogprobs: number | null;
  /** What every choice must match. */
  grammar: LlamaGrammar | null;
  labelOf: (token: Token) => TokenLabel;
  signal: AbortSignal;
  /** Resolves when the reader wants more. */
  ready(): Promise<void>;
  onPrefill(usage: ChatUsage): void;
  onFirstToken(usage: ChatUsage): void;
  /** `logprobs` is empty where none were asked for. */
  onText(part: { choice: number; text: string; logprobs: TokenLogprob[]; completionTokens: number }): void;
  onFinish(choice: number, finishReason: FinishReason): void;
}

export interface Generated {
  /** The signal fired before all choices had ended. */
  cancelled: boolean;
  usage: ChatUsage;
  /** Null: no token was generated. */
  confidence: Confidence | null;
}

/**
 * Runs one call on one sequence, its choices one after another. The prompt goes in slices, since the engine cannot be
 * stopped inside one evaluation; what the sequence already holds of it is reused. Never shifts the context: a full
 * one ends a choice with `length`.
 */
export async function generate(options: GenerateOptions): Promise<Generated> {
  const usage: ChatUsage = { promptTokens: options.prompt.length, cachedTokens: 0, completionTokens: 0 };
  const summaries: ChoiceSummary[] = [];
  const result = (cancelled: boolean): Generated => ({
    cancelled,
    usage,
    confidence: toConfidence(summaries),
  });
  try {
    for (let choice = 0; choice < options.sampling.n; choice++) {
      const finishReason = await generateChoice(options, { choice, usage, summaries });
      if (finishReason === null) return result(true);
      options.onFinish(choice, finishReason);
    }
    return result(false);
  } catch (error) {
    // Nobody knows what the failed evaluation left behind.
    await options.sequence.clearHistory();
    throw error;
  }
}

/** Null: the signal fired. */
async function generateChoice(
  options: GenerateOptions,
  state: { choice: number; usage: ChatUsage; summaries: ChoiceSummary[] },
): Promise<FinishReason | null> {
  const { choice, usage, summaries } = state;
  const threads = options.threads.enterPrefill();
  try {
    const rest = await prefill(options, threads, choice === 0 ? usage : null);
    if (rest === null) return null;
    const endSlice = threads.beginSlice(rest.length);
    let isFirst = true;
    return await decodeChoice(options, {
      choice,
      rest,
      usage,
      summaries,
      onToken() {
        if (isFirst) {
          endSlice();
          threads.leave();
          if (choice === 0) options.onFirstToken(usage);
        }
        isFirst = false;
      },
    });
  } finally {
    threads.leave();
  }
}

async function decodeChoice(
  options: GenerateOptions,
  state: {
    choice: number;
    rest: Token[];
    usage: ChatUsage;
    summaries: ChoiceSummary[];
    onToken(): void;
  },
): Promise<FinishReason | null> {
  const { model, sequence, prompt, sampling, signal } = options;
  const { choice, usage } = state;
  const room = sequence.contextSize - prompt.length;
  const limit = Math.min(sampling.maxTokens ?? room, room);
  const tokenText = createTokenText((tokens, preceding) =>
    model.detokenize(tokens as readonly Token[], false, preceding as readonly Token[]),
  );
  const stops = createStopMatcher(sampling.stop);
  const logprobs = createLogprobRelease();
  const confidence = createChoiceConfidence();
  state.summaries.push(confidence.summary());
  const show = (text: string, entries: TokenLogprob[]): void => {
    if (text === "" && entries.length === 0) return;
    options.onText({ choice, text, logprobs: entries, completionTokens: usage.completionTokens });
  };
  const emit = (text: string): void => show(text, logprobs.release(text));
  const finish = (finishReason: FinishReason): FinishReason => {
    const last = stops.push(tokenText.flush());
    emit(last.stopped ? last.text : last.text + stops.flush());
    if (last.stopped) return "stop";
    show("", logprobs.flush());
    return finishReason;
  };

  const sampler = createTokenSampler({
    sequence,
    sampling: { ...sampling, seed: sampling.seed === null ? null : toSeed(sampling.seed + choice) },
    topLogprobs: options.topLogprobs,
    grammar:
      options.grammar === null ? null : new LlamaGrammarEvaluationState({ model, grammar: options.grammar }),
  });
  try {
    let tokens = state.rest;
    for (let count = 1; ; count++) {
      const pick = await decode(sequence, tokens, sampler.next);
      usage.completionTokens++;
      state.onToken();
      const isEnd = model.isEogToken(pick.token);
      const text = isEnd ? "" : tokenText.push(pick.token);
      confidence.push(pick.confidence, text);
      if (signal.aborted) return null;
      if (isEnd) return finish("stop");
      if (pick.exact !== null) logprobs.hold(toLogprob(pick.token, pick.exact, options.labelOf), text);
      const shown = stops.push(text);
      emit(shown.text);
      if (shown.stopped) return "stop";
      if (count >= limit) return finish("length");
      await options.ready();
      if (signal.aborted) return null;
      tokens = [pick.token];
    }
  } finally {
    sampler.dispose();
  }
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
  threads: PrefillThreads,
  /** Told what was reused; null for all choices but the first. */
  usage: ChatUsage | null,
): Promise<Token[] | null> {
  const { sequence, prompt, signal, slices } = options;
  // At least one token must be evaluated to have something to sample from.
  await sequence.adaptStateToTokens(prompt.slice(0, -1), false);
  if (usage !== null) {
    usage.cachedTokens = sequence.nextTokenIndex;
    options.onPrefill(usage);
  }
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
