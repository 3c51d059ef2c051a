import { humanBytes } from "./disk.ts";
import type { GgufSummary } from "./gguf.ts";
import { ModelError } from "./model-error.ts";

/** Compute buffers and the process itself. */
const OVERHEAD_BYTES = 300e6;

/** Contexts below this are of no use, and above it nobody is given more unasked. */
const DEFAULT_CONTEXT_TOKENS = 8_192;

/** Bytes that a model takes when loaded: weights, key and value cache of all slots, buffers. */
export function memoryNeeded(options: {
  fileBytes: number;
  gguf: GgufSummary;
  sequences: number;
  contextTokens?: number;
}): number {
  const { gguf } = options;
  const context =
    options.contextTokens ?? Math.min(DEFAULT_CONTEXT_TOKENS, gguf.contextTokens ?? DEFAULT_CONTEXT_TOKENS);
  return options.fileBytes + (gguf.cacheBytesPerToken ?? 0) * context * options.sequences + OVERHEAD_BYTES;
}

/**
 * Refuses a model that cannot fit before minutes are spent on loading it.
 * @throws {ModelError} `does_not_fit`
 */
export function requireFit(options: {
  id: string;
  needed: number;
  memoryBytes: number;
  gpuMemoryBytes: number;
}): void {
  const most = Math.max(options.memoryBytes, options.gpuMemoryBytes);
  if (options.needed <= most) return;
  throw new ModelError(
    "does_not_fit",
    `${options.id} needs about ${humanBytes(options.needed)} of memory, and this machine has ${humanBytes(most)}. Choose a smaller model or quantisation, or fewer tokens of context.`,
  );
}
