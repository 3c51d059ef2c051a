import { GgmlType, GgufInsights, type Llama, readGgufFileInfo } from "node-llama-cpp";
import type { LoadOptions, LoadPlan, LoadShape } from "./ipc.ts";
import { LoadError } from "./load-error.ts";
import { type MemoryNeed, memoryNeed } from "./memory-need.ts";

/** Tried in this order where the configuration says nothing. A CPU is too slow to read more than 8,192 tokens. */
const CONTEXTS = { gpu: [32_768, 16_384, 8_192, 4_096, 2_048], cpu: [8_192, 4_096, 2_048] } as const;
/** More streams make a GPU faster in all; on a CPU they only share its speed. */
const SEQUENCES = { gpu: [8, 4, 2, 1], cpu: [2, 1] } as const;

/** Tokens of one input of a model for vectors, which takes it as a whole. */
const INPUTS = [8_192, 2_048, 512] as const;

/** Tokens of a prompt that are evaluated at once; what node-llama-cpp takes by default. */
export function batchTokensOf(contextTokens: number, sequences: number): number {
  return Math.min(contextTokens * sequences, 512);
}

/**
 * What loading would take, in every shape that could be of use: the engine rehearses it without memory, from the
 * file's metadata alone, so that layers with sliding windows, shared heads or recurrent state count as what they are.
 * @throws {LoadError} when the engine does not know the model's architecture
 */
export async function planLoad(llama: Llama, options: LoadOptions): Promise<LoadPlan> {
  const file = await readGgufFileInfo(options.modelPath, { sourceType: "filesystem", logWarnings: false });
  const insights = await GgufInsights.from(file, llama);
  const { architecture } = file.metadata.general;
  if (!insights.isSupportedByLlamaCpp) {
    throw new LoadError(
      `The engine does not know the architecture "${architecture}" of ${options.modelPath}. Choose another model, or update Routelet.`,
    );
  }
  const { ggml } = file.metadata.tokenizer;
  const vocabulary = { tokens: ggml.tokens.length, merges: ggml.merges?.length ?? 0 };
  const trained = insights.trainContextSize ?? Number.POSITIVE_INFINITY;
  const cacheType = GgmlType[options.cacheType ?? "F16"];

  const shapesOn = async (onGpu: boolean): Promise<LoadShape[]> => {
    const place = onGpu ? "gpu" : "cpu";
    const gpuLayers = onGpu ? insights.totalLayers : 0;
    const isEmbeddingContext = options.kind === "embeddings";
    const usual = isEmbeddingContext ? INPUTS : CONTEXTS[place];
    const contexts = options.contextTokens === undefined ? usual : [options.contextTokens];
    const usualCounts = isEmbeddingContext ? [1] : SEQUENCES[place];
    const sequenceCounts =
      options.sequences === undefined || isEmbeddingContext ? usualCounts : [options.sequences];
    const weights = toNeed(await insights.estimateModelResourceRequirementsV2({ gpuLayers }));
    const shapes: LoadShape[] = [];
    for (const contextTokens of new Set(contexts.map((tokens) => Math.min(tokens, trained)))) {
      for (const sequences of sequenceCounts) {
        const batchTokens = isEmbeddingContext ? contextTokens : batchTokensOf(contextTokens, sequences);
        const context = await insights.estimateContextResourceRequirementsV2({
          contextSize: contextTokens,
          sequences,
          batchSize: batchTokens,
          isEmbeddingContext,
          modelGpuLayers: gpuLayers,
          kvCacheKeyType: cacheType,
          kvCacheValueType: cacheType,
        });
        const need = memoryNeed({
          weights,
          context: toNeed(context),
          onGpu,
          sequences,
          batchTokens,
          vocabulary,
        });
        shapes.push({ onGpu, contextTokens, sequences, ...need });
      }
    }
    return shapes;
  };

  const shapes = llama.gpu === false ? [] : await shapesOn(true);
  shapes.push(...(await shapesOn(false)));
  return { gpu: await gpuOf(llama), shapes };
}

/** The GPU as it is now; null: there is none. */
export async function gpuOf(llama: Llama): Promise<LoadPlan["gpu"]> {
  if (llama.gpu === false) return null;
  const { total, free, unifiedSize } = await llama.getVramState();
  return { backend: llama.gpu, totalBytes: total, freeBytes: free, sharesHostMemory: unifiedSize > 0 };
}

function toNeed({ cpuRam, gpuVram }: { cpuRam: number; gpuVram: number }): MemoryNeed {
  return { ramBytes: cpuRam, vramBytes: gpuVram };
}
