import { randomInt } from "node:crypto";
import type { LlamaContextSequence, LlamaModel, Token } from "node-llama-cpp";
import type { ChatUsage, FinishReason } from "../chat-output.ts";
import type { ChatRequest } from "../chat-request.ts";
import type { SliceSize } from "./slice-size.ts";
import { createStopMatcher } from "./stop-matcher.ts";
import type { PrefillThreads, ThreadGovernor } from "./threads.ts";
import { createTokenText } from "./token-text.ts";

export interface GenerateOptions {
  model: LlamaModel;
  sequence: LlamaContextSequence;
  threads: ThreadGovernor;
  slices: SliceSize;
  prompt: Token[];
  request: ChatRequest;
  signal: AbortSignal;
  /** Resolves when the reader wants more. */
  ready(): Promise<void>;
  onPrefill(usage: ChatUsage): void;
  onFirstToken(usage: ChatUsage): void;
  onText(text: string, completionTokens: number): void;
}

export interface Generated {
  /** Null: the signal fired. */
  finishReason: FinishReason | null;
  usage: ChatUsage;
}

/**
 * Runs one call on one sequence. The prompt goes in slices, since the engine cannot be stopped inside one
 * evaluation; what the sequence already holds of it is reused. Never shifts the context: a full one ends the
 * call with `length`.
 */
export async function generate(options: GenerateOptions): Promise<Generated> {
  const { model, sequence, prompt, request, signal } = options;
  const usage: ChatUsage = { promptTokens: prompt.length, cachedTokens: 0, completionTokens: 0 };
  const threads = options.threads.enterPrefill();
  try {
    const rest = await prefill(options, threads, usage);
    if (rest === null) return { finishReason: null, usage };
    const endSlice = threads.beginSlice(rest.length);

    const room = sequence.contextSize - prompt.length;
    const limit = Math.min(request.maxTokens ?? room, room);
    const generated: Token[] = [];
    const tokenText = createTokenText((tokens, preceding) =>
      model.detokenize(tokens as readonly Token[], false, preceding as readonly Token[]),
    );
    const stops = createStopMatcher(request.stop);
    const emit = (text: string): void => {
      if (text !== "") options.onText(text, usage.completionTokens);
    };
    const finish = (finishReason: FinishReason): Generated => {
      const last = stops.push(tokenText.flush());
      emit(last.stopped ? last.text : last.text + stops.flush());
      return { finishReason: last.stopped ? "stop" : finishReason, usage };
    };

    for await (const token of sequence.evaluate(rest, samplingOf(request, generated, limit))) {
      usage.completionTokens++;
      if (usage.completionTokens === 1) {
        endSlice();
        threads.leave();
        options.onFirstToken(usage);
      }
      if (signal.aborted) return { finishReason: null, usage };
      if (model.isEogToken(token)) return finish("stop");
      generated.push(token);
      const { text, stopped } = stops.push(tokenText.push(token));
      emit(text);
      if (stopped) return { finishReason: "stop", usage };
      if (usage.completionTokens >= limit) return finish("length");
      await options.ready();
      if (signal.aborted) return { finishReason: null, usage };
    }
    return finish("stop");
  } finally {
    threads.leave();
  }
}

/** Evaluates all but the last slice of what the sequence does not hold yet; null: the signal fired. */
async function prefill(
  options: GenerateOptions,
  threads: PrefillThreads,
  usage: ChatUsage,
): Promise<Token[] | null> {
  const { sequence, prompt, signal, slices } = options;
  // At least one token must be evaluated to have something to sample from.
  await sequence.adaptStateToTokens(prompt.slice(0, -1), false);
  usage.cachedTokens = sequence.nextTokenIndex;
  options.onPrefill(usage);
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

function samplingOf(request: ChatRequest, generated: Token[], limit: number) {
  const penalised = request.frequencyPenalty !== 0 || request.presencePenalty !== 0;
  return {
    temperature: request.temperature,
    // All are given: the library's own defaults cut the distribution, and its default seed is the clock in seconds.
    topK: request.topK,
    topP: request.topP,
    minP: request.minP,
    seed: request.seed ?? randomInt(0xffff_ffff),
    yieldEogToken: true,
    ...(penalised
      ? {
          repeatPenalty: {
            // OpenAI's definition counts what was sampled, not the prompt.
            punishTokens: () => generated,
            maxPunishTokens: limit,
            penalty: 1,
            frequencyPenalty: request.frequencyPenalty,
            presencePenalty: request.presencePenalty,
          },
        }
      : {}),
  };
}
