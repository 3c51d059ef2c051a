import { hostMemory, modelBudget } from "../../hardware/host-memory.ts";
import { NodeError } from "../../serve/contract.ts";
import { chooseShape, type MemoryRoom, smallestShape } from "./choose-shape.ts";
import type { LoadPlan, LoadShape } from "./ipc.ts";
import type { MemoryNeed } from "./memory-need.ts";

/** Who says what memory a model's process may take. */
export interface ModelMemory {
  /**
   * In which shape the model may be loaded, each time that it is.
   * @throws {NodeError} where it may not
   */
  admit(plan: LoadPlan): Promise<LoadShape>;
  /** Whether it may take what the plan's one shape needs on top of that. */
  grow(plan: LoadPlan): Promise<boolean>;
  /** What was granted last shows in what is free, or was not taken. */
  grown(): void;
  /** It gave back some of what it grew by. */
  shrink(need: MemoryNeed): void;
}

/** Left free on a GPU for the screen and for what others take meanwhile. */
const GPU_SHARE = 0.95;

/** What is free now for one more model. */
export function freeMemory(plan: LoadPlan): MemoryRoom["free"] {
  const host = hostMemory();
  return {
    ramBytes: Math.min(modelBudget(host.totalBytes), host.availableBytes),
    vramBytes: Math.floor((plan.gpu?.freeBytes ?? 0) * GPU_SHARE),
  };
}

/** As if the machine were this model's alone. */
export function memoryAlone(modelId: string): ModelMemory {
  return {
    admit: async (plan) => admitAlone(modelId, plan),
    grow: async (plan) =>
      chooseShape(plan, { free: freeMemory(plan), reclaimable: { ramBytes: 0, vramBytes: 0 } }) !== null,
    grown: () => {},
    shrink: () => {},
  };
}

/**
 * The shape of a model that shares the machine with no other.
 * @throws {NodeError} `does_not_fit`
 */
function admitAlone(modelId: string, plan: LoadPlan): LoadShape {
  const room = { free: freeMemory(plan), reclaimable: { ramBytes: 0, vramBytes: 0 } };
  const shape = chooseShape(plan, room);
  if (shape === null) throw doesNotFit(modelId, plan, room);
  return shape;
}

/** 503: no memory for it, whatever is unloaded; it would be no different at the next try. */
export function doesNotFit(modelId: string, plan: LoadPlan, { free, reclaimable }: MemoryRoom): NodeError {
  const least = smallestShape(plan);
  const size = least === null ? "more memory" : describe(least);
  const ram = gigabytes(free.ramBytes + reclaimable.ramBytes);
  const vram =
    plan.gpu === null
      ? ""
      : ` and ${gigabytes(free.vramBytes + reclaimable.vramBytes)} on its GPU (${plan.gpu.backend})`;
  return new NodeError({
    code: "does_not_fit",
    message: `${modelId} needs ${size}, and this machine has ${ram} of memory to spare${vram}. Choose a smaller model or quantisation, fewer calls at once, or fewer tokens of context.`,
    status: 503,
    retryable: false,
  });
}

function describe({ ramBytes, vramBytes, sequences, contextTokens }: LoadShape): string {
  const memory =
    vramBytes > 0
      ? `${gigabytes(vramBytes)} on the GPU and ${gigabytes(ramBytes)} beside it`
      : gigabytes(ramBytes);
  return `${memory} even for ${sequences === 1 ? "one call" : `${sequences} calls`} of ${contextTokens} tokens at once`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
