/**
 * What a model's process takes beside what the engine allocates for it, measured on Linux with Node.js 24 and
 * vocabularies of 30,000 to 262,000 tokens. `npm run bench -- fit` compares the whole with real processes.
 */
const PROCESS_BYTES = 140e6;
/** The engine and its bindings both keep the vocabulary. */
const VOCABULARY_BYTES = { perToken: 740, perMerge: 460 };
/** Of a call that runs, for each token of the vocabulary: candidates and their probabilities. */
const SLOT_BYTES_PER_TOKEN = 200;
/** The engine's logits, for each token of the vocabulary. */
const LOGIT_BYTES = 4;

export interface MemoryNeed {
  ramBytes: number;
  vramBytes: number;
}

/**
 * The memory of a context and of the calls in it. On a CPU the engine reserves logits for every token of a batch and
 * touches those of one per sequence alone, so the others never become real.
 */
export function contextNeed(options: {
  /** As the engine's rehearsal says. */
  context: MemoryNeed;
  onGpu: boolean;
  sequences: number;
  batchTokens: number;
  vocabularyTokens: number;
}): MemoryNeed {
  const { context, sequences, vocabularyTokens } = options;
  const untouched = options.onGpu
    ? 0
    : Math.max(0, options.batchTokens - sequences) * vocabularyTokens * LOGIT_BYTES;
  return {
    ramBytes: SLOT_BYTES_PER_TOKEN * vocabularyTokens * sequences + Math.max(0, context.ramBytes - untouched),
    vramBytes: context.vramBytes,
  };
}

/** The memory of a loaded model's whole process, from what the engine would allocate. */
export function memoryNeed(options: {
  /** As the engine's rehearsal says: weights, and everything of the context. */
  weights: MemoryNeed;
  context: MemoryNeed;
  onGpu: boolean;
  sequences: number;
  batchTokens: number;
  vocabulary: { tokens: number; merges: number };
}): MemoryNeed {
  const { weights, vocabulary } = options;
  const context = contextNeed({ ...options, vocabularyTokens: vocabulary.tokens });
  return {
    ramBytes: Math.round(
      PROCESS_BYTES +
        VOCABULARY_BYTES.perToken * vocabulary.tokens +
        VOCABULARY_BYTES.perMerge * vocabulary.merges +
        weights.ramBytes +
        context.ramBytes,
    ),
    vramBytes: Math.round(weights.vramBytes + context.vramBytes),
  };
}
