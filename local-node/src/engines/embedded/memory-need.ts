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
 * The memory of a loaded model's whole process, from what the engine would allocate. On a CPU the engine reserves
 * logits for every token of a batch and touches those of one per sequence alone, so the others never become real.
 */
export function memoryNeed(options: {
  /** As the engine's rehearsal says: weights, and everything of the context. */
  weights: MemoryNeed;
  context: MemoryNeed;
  onGpu: boolean;
  sequences: number;
  batchTokens: number;
  vocabulary: { tokens: number; merges: number };
}): MemoryNeed {
  const { weights, context, sequences, vocabulary } = options;
  const untouched = options.onGpu
    ? 0
    : Math.max(0, options.batchTokens - sequences) * vocabulary.tokens * LOGIT_BYTES;
  return {
    ramBytes: Math.round(
      PROCESS_BYTES +
        VOCABULARY_BYTES.perToken * vocabulary.tokens +
        VOCABULARY_BYTES.perMerge * vocabulary.merges +
        SLOT_BYTES_PER_TOKEN * vocabulary.tokens * sequences +
        weights.ramBytes +
        Math.max(0, context.ramBytes - untouched),
    ),
    vramBytes: Math.round(weights.vramBytes + context.vramBytes),
  };
}
