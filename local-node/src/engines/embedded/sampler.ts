import { randomInt } from "node:crypto";
import type { LlamaContextSequence, LlamaGrammarEvaluationState, Token } from "node-llama-cpp";
import type { Sampling } from "../sampling.ts";
import {
  createNativeSampler,
  grammarAccept,
  grammarAllows,
  type NativeSampler,
  nativeGrammarState,
  type SamplerConfig,
} from "./binding.ts";
import type { TokenConfidence } from "./confidence.ts";

/** A token with its exact log-probability, before sampling. */
export type RankedToken = [token: Token, logprob: number];

export interface Pick {
  token: Token;
  confidence: TokenConfidence;
  /** Exact, and the likeliest tokens in its place; null unless asked for. */
  exact: { logprob: number; top: RankedToken[] } | null;
}

export interface TokenSampler {
  /** Chooses the token that follows what was decoded last, from the logits at `index`. */
  next(index: number): Promise<Pick>;
  dispose(): void;
}

/** How many of the likeliest tokens are looked at; llama.cpp finds up to 128 without sorting the vocabulary. */
const RANKED = 128;
/** Of those, how many are listed where no grammar walks down the list. */
const LISTED = 20;
/** How often another token is drawn when the grammar refuses one, before the whole vocabulary is masked. */
const MAX_DRAWS = 4;

interface Ranking {
  tokens: Token[];
  logits: number[];
  /** ln Σ exp(logit − greatest) over the ranked tokens, and exactly where asked for. */
  logWeight: number;
  exactLogWeight: number | null;
}

/**
 * Chooses tokens as llama.cpp's samplers do, and says how likely they were. Under a grammar the likeliest token that
 * it allows is taken (temperature 0), or drawn until it allows one: both test single tokens, which is a thousand times
 * cheaper than masking the vocabulary at each step. Only where none of them fits, everything else is masked.
 */
export function createTokenSampler(options: {
  sequence: LlamaContextSequence;
  sampling: Sampling;
  /** How many of the likeliest tokens to report, exactly; null: none, and nothing exact. */
  topLogprobs: number | null;
  grammar: LlamaGrammarEvaluationState | null;
  /** Tokens of which the first that the grammar allows is taken, whatever the model would choose; default none. */
  forced?: () => readonly Token[];
  /** A number below 2³² − 1, where the call brings no seed. */
  drawSeed?: () => number;
}): TokenSampler {
  const { sequence, sampling, topLogprobs, grammar } = options;
  const { model } = sequence;
  const seed = sampling.seed ?? (options.drawSeed ?? (() => randomInt(0xffff_ffff)))();
  const generated: Token[] = [];
  const config = configOf(sampling, seed, sequence.contextSize);
  const isGreedy = sampling.temperature === 0;
  const isPlain = isGreedy && !isPenalised(sampling) && sampling.logitBias.length === 0;
  const created: NativeSampler[] = [];
  const create = (samplerConfig: SamplerConfig): NativeSampler => {
    const sampler = createNativeSampler(sequence, samplerConfig);
    created.push(sampler);
    return sampler;
  };

  const drawer = isPlain ? null : create(config);
  const ranker = create({ temperature: 1, seed, topK: RANKED });
  const listed = grammar === null ? Math.max(LISTED, topLogprobs ?? 0) : RANKED;
  let weigher: NativeSampler | null = topLogprobs === null ? null : create({ temperature: 0 });
  let masker: NativeSampler | null = null;

  const rank = async (index: number): Promise<Ranking> => {
    const [ranked, weighed] = await allSettled([
      ranker.sample(index, { logits: { tokens: [], top: listed }, weight: true }),
      topLogprobs === null ? null : (weigher?.sample(index, { weight: true }) ?? null),
    ]);
    const tokens: Token[] = [];
    const logits: number[] = [];
    for (let i = 1; i < ranked.logits.length; i += 2) {
      tokens.push(ranked.logits[i - 1] as Token);
      logits.push(ranked.logits[i] as number);
    }
    return {
      tokens,
      logits,
      logWeight: Math.log(ranked.weight),
      exactLogWeight: weighed === null ? null : Math.log(weighed.weight),
    };
  };
  /** Draws; the sampler notes each token for its penalties, so what the grammar refused is taken back. */
  const draw = async (index: number, again: boolean): Promise<Token | null> => {
    if (drawer === null) return null;
    if (again && isPenalised(sampling)) drawer.configure(withHistory(config, generated));
    return (await drawer.sample(index)).token;
  };
  const masked = async (index: number, state: LlamaGrammarEvaluationState): Promise<Token> => {
    const withGrammar = { ...config, grammarEvaluationState: nativeGrammarState(state) };
    if (masker === null) masker = create(withHistory(withGrammar, generated));
    else if (isPenalised(sampling)) masker.configure(withHistory(withGrammar, generated));
    // It also moves the grammar on.
    const { token } = await masker.sample(index);
    if (token === null) throw new Error("The grammar allows none of the model's tokens.");
    if (isPenalised(sampling)) drawer?.configure(withHistory(config, [...generated, token]));
    return token;
  };
  const choose = async (index: number, first: Token | null, ranking: Ranking): Promise<Token> => {
    if (grammar === null) {
      const token = isPlain ? ranking.tokens[0] : first;
      if (token === undefined || token === null) throw new Error("The model gave no token.");
      return token;
    }
    const allows = (token: Token): boolean => grammarAllows(model, grammar, token);
    const accept = (token: Token): Token => {
      if (!model.isEogToken(token)) grammarAccept(model, grammar, token);
      return token;
    };
    const forced = options.forced?.().find(allows);
    if (forced !== undefined) {
      if (isPenalised(sampling)) drawer?.configure(withHistory(config, [...generated, forced]));
      return accept(forced);
    }
    if (isPlain) {
      const allowed = ranking.tokens.find(allows);
      return allowed === undefined ? masked(index, grammar) : accept(allowed);
    }
    let token = first;
    for (let draws = 1; token !== null; draws++) {
      if (allows(token)) return accept(token);
      // At temperature 0 another draw gives the same.
      token = isGreedy || draws >= MAX_DRAWS ? null : await draw(index, true);
    }
    return masked(index, grammar);
  };
  const logitOf = async (index: number, token: Token, ranking: Ranking): Promise<number> => {
    const at = ranking.tokens.indexOf(token);
    if (at !== -1) return ranking.logits[at] as number;
    weigher ??= create({ temperature: 0 });
    const { logits } = await weigher.sample(index, { logits: { tokens: [token], top: 0 } });
    return logits[1] ?? Number.NEGATIVE_INFINITY;
  };

  return {
    async next(index) {
      const [first, ranking] = await allSettled([draw(index, false), rank(index)]);
      const token = await choose(index, first, ranking);
      const logit = await logitOf(index, token, ranking);
      generated.push(token);
      const greatest = ranking.logits[0] ?? logit;
      const other = ranking.tokens[0] === token ? ranking.logits[1] : greatest;
      return {
        token,
        confidence: {
          logprob: Math.min(0, logit - greatest - ranking.logWeight),
          margin: logit - (other ?? logit),
        },
        exact: exactOf(ranking, logit, topLogprobs),
      };
    },
    dispose() {
      for (const sampler of created) sampler.dispose();
    },
  };
}

function exactOf(ranking: Ranking, logit: number, top: number | null): Pick["exact"] {
  const { exactLogWeight, tokens, logits } = ranking;
  if (exactLogWeight === null || top === null) return null;
  const base = (logits[0] ?? logit) + exactLogWeight;
  return {
    logprob: Math.min(0, logit - base),
    top: tokens.slice(0, top).map((token, index) => [token, Math.min(0, (logits[index] as number) - base)]),
  };
}

function isPenalised(sampling: Sampling): boolean {
  return sampling.frequencyPenalty !== 0 || sampling.presencePenalty !== 0;
}

function configOf(sampling: Sampling, seed: number, contextSize: number): SamplerConfig {
  const config: SamplerConfig = { temperature: sampling.temperature, seed };
  if (sampling.topK > 0) config.topK = sampling.topK;
  if (sampling.topP < 1) config.topP = sampling.topP;
  if (sampling.minP > 0) config.minP = sampling.minP;
  if (sampling.logitBias.length > 0) {
    config.tokenBiasKeys = Uint32Array.from(sampling.logitBias, ([token]) => token);
    config.tokenBiasValues = Float32Array.from(
      sampling.logitBias,
      ([, bias]) => bias ?? Number.NEGATIVE_INFINITY,
    );
  }
  if (isPenalised(sampling)) {
    config.repeatPenalty = 1;
    config.repeatPenaltyPresencePenalty = sampling.presencePenalty;
    config.repeatPenaltyFrequencyPenalty = sampling.frequencyPenalty;
    // OpenAI's definition counts all that was sampled, and nothing of the prompt.
    config.repeatPenaltyMaxTokens = contextSize;
  }
  return withHistory(config, []);
}

function withHistory(config: SamplerConfig, generated: readonly Token[]): SamplerConfig {
  if (config.repeatPenalty === undefined) return config;
  return { ...config, repeatPenaltyTokens: Uint32Array.from(generated) };
}

/** As `Promise.all`, but waits for all before it fails: native samplers must be at rest when they are disposed of. */
async function allSettled<T extends readonly unknown[]>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  }) as { -readonly [K in keyof T]: Awaited<T[K]> };
}
