import { cpus } from "node:os";
import type { Token } from "node-llama-cpp";
import { hasNestedVectors } from "../../models/model-kind.ts";
import { invalidRequest, unsupportedParameter } from "../../serve/node-errors.ts";
import type { EmbeddingInput } from "../embedding-request.ts";
import type { LoadedModel, LoadOptions } from "./ipc.ts";
import { LoadError } from "./load-error.ts";
import { messageOf, type OpenHooks, openModel } from "./open-model.ts";
import { createThreadGovernor, readCpuTimes } from "./threads.ts";

/** A model in memory that makes vectors of texts. */
export interface Embedder {
  /**
   * Says what the inputs are for the model, with its begin and end tokens.
   * @throws {NodeError} 400 for inputs that are too long, and for fewer dimensions than the model can be cut to
   */
  prepare(inputs: readonly EmbeddingInput[], dimensions: number | null): PreparedInput[];
  loaded: LoadedModel;
}

export interface PreparedInput {
  tokens: number;
  /** Of length 1, as the API has it, whatever the model gives. */
  vector(): Promise<Float32Array>;
}

/** The library warns of every vocabulary that drops case or spaces, as those of encoders do. */
const DETOKENIZES_OTHERWISE = /tokenize text and then detokenize it resulted in a different text/;

/** Loads a model for vectors. @throws {LoadError} that a person can act on */
export async function loadEmbedder(
  options: LoadOptions,
  hooks: OpenHooks & { now: () => number },
): Promise<Embedder> {
  const { llama, model, shape, usableCpus, onGpu } = await openModel(options, {
    ...hooks,
    onLog: (level, message) => {
      if (!DETOKENIZES_OTHERWISE.test(message)) hooks.onLog(level, message);
    },
  });
  const plan = { base: Math.max(1, usableCpus - 1), full: usableCpus };
  const threads = createThreadGovernor({
    engine: llama,
    plan,
    machineCores: cpus().length,
    readTimes: readCpuTimes,
    now: hooks.now,
  });
  const context = await model
    .createEmbeddingContext({
      contextSize: shape.contextTokens,
      // What reads in both directions must see an input as a whole.
      batchSize: shape.contextTokens,
      threads: usableCpus,
    })
    .catch((cause: unknown) => {
      throw new LoadError(
        `There is not enough memory for ${shape.contextTokens} tokens of ${options.modelPath}: ${messageOf(cause)}. Take fewer.`,
        { cause },
      );
    });
  const size = model.embeddingVectorSize;
  const name = model.fileInfo.metadata.general.name ?? model.filename ?? null;
  const vocabularySize = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  return {
    prepare(inputs, dimensions) {
      assertDimensions(dimensions, { size, canCut: hasNestedVectors(name) });
      return inputs.map((input, index) => {
        const tokens = toTokens(input, index);
        const count = context.calculateInputLength([...tokens]);
        if (count >= shape.contextTokens) throw tooLong({ index, count, most: shape.contextTokens - 1 });
        return {
          tokens: count,
          vector: async () => normalised(await vectorOf(tokens, count), dimensions ?? size),
        };
      });
    },
    loaded: {
      shape,
      slots: 1,
      contextTokens: shape.contextTokens,
      tokensPerSecond: null,
      gpu: onGpu ? String(llama.gpu) : null,
      threads: plan,
      reasoning: false,
      suffix: false,
    },
  };

  function toTokens(input: EmbeddingInput, index: number): Token[] {
    // Control tokens written in a text are text.
    if (typeof input === "string") return model.tokenize(input, false);
    const unknown = input.find((token) => token >= vocabularySize);
    if (unknown === undefined) return input as Token[];
    throw invalidRequest({
      message: `Input ${index} has token ${unknown}, and this model has ${vocabularySize} tokens. Token ids belong to one model's vocabulary.`,
      param: "input",
    });
  }

  async function vectorOf(tokens: readonly Token[], count: number): Promise<readonly number[]> {
    const prefill = threads.enterPrefill();
    const endSlice = prefill.beginSlice(count);
    try {
      return (await context.getEmbeddingFor([...tokens])).vector;
    } finally {
      endSlice();
      prefill.leave();
    }
  }
}

function assertDimensions(
  dimensions: number | null,
  { size, canCut }: { size: number; canCut: boolean },
): void {
  if (dimensions === null || dimensions === size) return;
  if (dimensions > size) {
    throw invalidRequest({
      message: `'dimensions' is ${dimensions}, and this model's vectors have ${size} numbers.`,
      param: "dimensions",
    });
  }
  if (!canCut) {
    throw unsupportedParameter("dimensions", `this model's ${size} numbers mean nothing when they are cut`);
  }
}

function tooLong({ index, count, most }: { index: number; count: number; most: number }) {
  return invalidRequest({
    code: "context_length_exceeded",
    message: `Input ${index} has ${count} tokens, and this model takes at most ${most} on this node. Cut it into parts.`,
    param: "input",
  });
}

function normalised(vector: readonly number[], dimensions: number): Float32Array {
  const kept = Float32Array.from(vector.slice(0, dimensions));
  const length = Math.hypot(...kept);
  return length === 0 ? kept : kept.map((value) => value / length);
}
