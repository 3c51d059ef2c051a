import { resolve } from "node:path";
import type {
  Llama,
  LlamaContextSequence,
  LlamaGrammarEvaluationState,
  LlamaModel,
  Token,
  TokenMeter,
} from "node-llama-cpp";

/**
 * The one place that reaches behind node-llama-cpp's public interface, which offers no probabilities beside a grammar
 * (`controlledEvaluate` takes none), sorts the whole vocabulary where no `topK` is set, masks it at every token under
 * a grammar, cannot share a prefix between sequences, and renders templates only for its own chat classes. `package.json` pins the version; `binding.test.ts` fails
 * where another one differs.
 */

/** What a native sampler applies, in llama.cpp's order: bias, penalties, `topK`, `topP`, `minP`, temperature, draw. */
export interface SamplerConfig {
  /** 0 takes the likeliest, and leaves out everything behind the penalties. */
  temperature: number;
  seed?: number;
  /** Left out: off. A 0 would sort the whole vocabulary. */
  topK?: number;
  topP?: number;
  minP?: number;
  repeatPenalty?: number;
  repeatPenaltyMaxTokens?: number;
  repeatPenaltyTokens?: Uint32Array;
  repeatPenaltyPresencePenalty?: number;
  repeatPenaltyFrequencyPenalty?: number;
  tokenBiasKeys?: Uint32Array;
  tokenBiasValues?: Float32Array;
  grammarEvaluationState?: object;
}

/** Logits that are wanted of the tokens that a sampler left: of `tokens`, and of the `top` likeliest. */
export interface WantedLogits {
  tokens: readonly Token[];
  top: number;
}

export interface Sampled {
  /** Null: nothing was left to choose from. */
  token: Token | null;
  /** Token and logit in turn; the likeliest first where only `top` was asked for. */
  logits: readonly number[];
  /** Σ exp(logit − greatest logit) over what the sampler left; 0 unless asked for. */
  weight: number;
}

export interface NativeSampler {
  configure(config: SamplerConfig): void;
  /** Runs the sampler, in a thread of its own, on what the last decode left at `index`. */
  sample(index: number, want?: { logits?: WantedLogits; weight?: boolean }): Promise<Sampled>;
  /** Not while `sample` runs. */
  dispose(): void;
}

interface AddonSampler {
  applyConfig(config: SamplerConfig): void;
  dispose(): void;
}

interface AddonSamplerClass {
  new (model: unknown): AddonSampler;
  canBeNextTokenForGrammarEvaluationState(state: object, token: Token): boolean;
  acceptGrammarEvaluationStateToken(state: object, token: Token): void;
}

type SampleResult = [token: number, unknown, unknown, logits: number[] | undefined, weight?: number];

interface InternalLlama {
  _bindings: { AddonSampler: AddonSamplerClass; AddonJinjaRenderer: new (source: string) => NativeJinja };
}

interface InternalModel {
  _model: { getTokenString(token: Token): string };
  /** By their resolved paths. */
  _loraAdapters: Map<string, { dispose(): Promise<void> }>;
  _llama: InternalLlama;
}

interface InternalSequence {
  _context: {
    _ctx: {
      sampleToken(
        index: number,
        sampler: AddonSampler,
        probabilities: boolean,
        confidence: boolean,
        logits: false | [readonly Token[], boolean, boolean, boolean, number],
        weight: boolean,
      ): Promise<SampleResult>;
    };
  };
  _copyStateFromOtherSequence(source: LlamaContextSequence, upTo: number): Promise<boolean>;
  _tokenMeter: TokenMeter;
  _contextShift: object;
  _takeIntervalCheckpointIfNeededAfterBatch: (length: number) => Promise<void> | undefined;
  _decodeTokens<T>(
    tokens: Token[],
    logits: boolean[],
    priority: number,
    meter: TokenMeter,
    contextShift: object,
    onLogits: (index: number) => Promise<T>,
    afterBatch: (length: number) => Promise<void> | undefined,
  ): Promise<T[]>;
}

interface InternalGrammarState {
  _state: object;
}

const PRIORITY = 5;

function internalModel(model: LlamaModel): InternalModel {
  return model as unknown as InternalModel;
}

function internalSequence(sequence: LlamaContextSequence): InternalSequence {
  return sequence as unknown as InternalSequence;
}

/** A compiled template of llama.cpp's own Jinja. Both making and rendering one throw. */
export interface NativeJinja {
  render(variables: object): string;
}

export function createNativeJinja(llama: Llama, source: string): NativeJinja {
  return new (llama as unknown as InternalLlama)._bindings.AddonJinjaRenderer(source);
}

/** A sampler of its own for `sequence`'s context; dispose of it. */
export function createNativeSampler(sequence: LlamaContextSequence, config: SamplerConfig): NativeSampler {
  const model = internalModel(sequence.model);
  const addon = new model._llama._bindings.AddonSampler(model._model);
  const context = internalSequence(sequence)._context._ctx;
  addon.applyConfig(config);
  return {
    configure: (changed) => addon.applyConfig(changed),
    async sample(index, want = {}) {
      const wanted = want.logits;
      const [token, , , logits, weight] = await context.sampleToken(
        index,
        addon,
        false,
        false,
        wanted === undefined ? false : [wanted.tokens, false, false, false, wanted.top],
        want.weight ?? false,
      );
      return { token: token === -1 ? null : (token as Token), logits: logits ?? [], weight: weight ?? 0 };
    },
    dispose: () => addon.dispose(),
  };
}

/**
 * Makes `target` hold the first `upTo` tokens of `source`, whose state is copied within the engine. False: it did not
 * come out right, and `target` must be replaced.
 */
export function copyState(options: {
  target: LlamaContextSequence;
  source: LlamaContextSequence;
  upTo: number;
}): Promise<boolean> {
  return internalSequence(options.target)._copyStateFromOtherSequence(options.source, options.upTo);
}

/**
 * Frees an adapter that no context uses any more: the library keeps each one by its path until the model goes, and would
 * not see a new file there.
 */
export async function forgetAdapter(model: LlamaModel, path: string): Promise<void> {
  const { _loraAdapters: adapters } = internalModel(model);
  const key = resolve(path);
  const adapter = adapters.get(key);
  adapters.delete(key);
  await adapter?.dispose();
}

/** The native grammar state, for `SamplerConfig`. */
export function nativeGrammarState(state: LlamaGrammarEvaluationState): object {
  return (state as unknown as InternalGrammarState)._state;
}

/** Whether the grammar lets this token come next: a microsecond, where masking the vocabulary takes milliseconds. */
export function grammarAllows(model: LlamaModel, state: LlamaGrammarEvaluationState, token: Token): boolean {
  const { AddonSampler } = internalModel(model)._llama._bindings;
  return AddonSampler.canBeNextTokenForGrammarEvaluationState(nativeGrammarState(state), token);
}

/** Moves the grammar on by a token that it allows; not for end tokens. */
export function grammarAccept(model: LlamaModel, state: LlamaGrammarEvaluationState, token: Token): void {
  const { AddonSampler } = internalModel(model)._llama._bindings;
  AddonSampler.acceptGrammarEvaluationStateToken(nativeGrammarState(state), token);
}

/** The token as the vocabulary spells it, bytes encoded in the vocabulary's own way. */
export function tokenSpelling(model: LlamaModel, token: Token): string {
  return internalModel(model)._model.getTokenString(token);
}

/**
 * Evaluates tokens behind what the sequence holds, and runs `onLogits` on the logits of the last one while the engine
 * waits: the whole batch of all sequences. Only one evaluation of a sequence at a time.
 */
export async function decode<T>(
  sequence: LlamaContextSequence,
  tokens: Token[],
  onLogits: (index: number) => Promise<T>,
): Promise<T> {
  const internal = internalSequence(sequence);
  const wanted: boolean[] = [];
  wanted[tokens.length - 1] = true;
  const results = await internal._decodeTokens(
    tokens,
    wanted,
    PRIORITY,
    internal._tokenMeter,
    internal._contextShift,
    // A rejection in there would never settle the decode, neither this one nor its neighbours'.
    (index) =>
      onLogits(index).then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      ),
    internal._takeIntervalCheckpointIfNeededAfterBatch,
  );
  const result = results[tokens.length - 1];
  if (result === undefined) throw new Error("The engine gave no logits.");
  if ("error" in result) throw result.error;
  return result.value;
}
