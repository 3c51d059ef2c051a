import { GgmlType, type Llama, type LlamaContextSequence, type LlamaModel, type Token } from "node-llama-cpp";
import type { Adapter } from "../../models/adapter.ts";
import { sha256OfFile } from "../../models/cache.ts";
import { NodeError } from "../../serve/contract.ts";
import { forgetAdapter } from "./binding.ts";
import type { LoadOptions, LoadPlan, LoadShape } from "./ipc.ts";
import type { OpenLane } from "./lanes.ts";
import { contextNeed, type MemoryNeed } from "./memory-need.ts";
import { batchTokensOf, gpuOf } from "./plan-load.ts";
import { createPrefixCache, type PrefixCache } from "./prefix-cache.ts";
import type { PrefixStore } from "./prefix-store.ts";
import type { SliceSize } from "./slice-size.ts";
import { createSlotPool, type SlotPool } from "./slots.ts";

/** Sequences of one context, which all have the same adapter. */
export interface Lane {
  slots: SlotPool<Token, LlamaContextSequence>;
  prefixes: PrefixCache;
}

/** Memory that was granted for a lane, and how many calls at once it is for. */
export interface LaneReservation extends MemoryNeed {
  sequences: number;
}

interface LaneModel {
  model: LlamaModel;
  shape: LoadShape;
  options: LoadOptions;
}

/** Opens lanes over the same weights, each with sequences of the shape's length. */
export function createLaneOpener({
  model,
  shape,
  options,
  ...rest
}: LaneModel & { threads: number; slices: SliceSize; now: () => number }) {
  return async (lane: {
    adapter: Adapter | null;
    sequences: number;
    /** Null: states of prompts that give way are gone. */
    store: PrefixStore | null;
  }): Promise<OpenLane<Lane> & { sequence: LlamaContextSequence; contextTokens: number }> => {
    const { adapter } = lane;
    if (adapter !== null) await assertUnchanged(adapter);
    const context = await model.createContext({
      sequences: lane.sequences,
      contextSize: shape.contextTokens,
      batchSize: batchTokensOf(shape.contextTokens, lane.sequences),
      experimentalKvCacheKeyType: options.cacheType,
      experimentalKvCacheValueType: options.cacheType,
      // A context that is shorter than was promised would fail calls later.
      failedCreationRemedy: false,
      threads: rest.threads,
      lora: adapter?.path,
    });
    const sequence = context.getSequence();
    const sequences = [sequence, ...Array.from({ length: lane.sequences - 1 }, () => context.getSequence())];
    const prefixes = createPrefixCache({
      context,
      store: lane.store,
      prefillMsPerToken: rest.slices.msPerToken,
      now: rest.now,
    });
    const slots = sequences.map((one) => ({ sequence: one, scope: "" }));
    return {
      lane: { prefixes, slots: createSlotPool({ ...prefixes, slots }) },
      sequence,
      contextTokens: context.contextSize,
      async close() {
        await context.dispose();
        if (adapter !== null) await forgetAdapter(model, adapter.path);
      },
    };
  };
}

/** Asks for the memory of a lane: for as many calls at once as the model has, else for one. */
export async function reserveLane({
  llama,
  model,
  shape,
  options,
  adapter,
  grow,
}: LaneModel & {
  llama: Llama;
  adapter: Adapter;
  grow: (plan: LoadPlan) => Promise<boolean>;
}): Promise<LaneReservation | null> {
  const cacheType = GgmlType[options.cacheType ?? "F16"];
  for (const sequences of new Set([shape.sequences, 1])) {
    const batchTokens = batchTokensOf(shape.contextTokens, sequences);
    const context = await model.fileInsights.estimateContextResourceRequirementsV2({
      contextSize: shape.contextTokens,
      sequences,
      batchSize: batchTokens,
      modelGpuLayers: model.gpuLayers,
      kvCacheKeyType: cacheType,
      kvCacheValueType: cacheType,
    });
    const need = contextNeed({
      context: { ramBytes: context.cpuRam, vramBytes: context.gpuVram },
      onGpu: shape.onGpu,
      sequences,
      batchTokens,
      vocabularyTokens: model.fileInfo.metadata.tokenizer.ggml.tokens.length,
    });
    const onGpu = model.gpuLayers > 0;
    const reservation = {
      sequences,
      ramBytes: Math.round(need.ramBytes + (onGpu ? 0 : adapter.bytes)),
      vramBytes: Math.round(need.vramBytes + (onGpu ? adapter.bytes : 0)),
    };
    const shapes = [{ ...shape, ...reservation }];
    if (await grow({ gpu: await gpuOf(llama), shapes })) return reservation;
  }
  return null;
}

/** The file was held against its base when it was found; another one in its place was not. */
async function assertUnchanged({ name, path, sha256 }: Adapter): Promise<void> {
  const found = await sha256OfFile(path).catch(() => null);
  if (found === sha256) return;
  throw new NodeError({
    code: "adapter_changed",
    message: `The file of the adapter '${name}' is ${found === null ? "gone" : "not what it was when it was found"}. The node looks at it again in a moment; try again.`,
    status: 503,
    retryable: true,
  });
}
