import type { LoadPlan, LoadShape } from "./ipc.ts";
import type { MemoryNeed } from "./memory-need.ts";

/** A longer context is a comfort: only for as many calls at once, and where that takes no more than half of what is free. */
const PLAIN = { contextTokens: 8_192, sequences: 4 } as const;

/** Memory that a model may take. */
export interface MemoryRoom {
  /** Now, without disturbing anyone. */
  free: MemoryNeed;
  /** What other models give back when they are unloaded. */
  reclaimable: MemoryNeed;
}

/**
 * The best shape that fits, in the order of what matters: all of it on the GPU, the longest context, the most calls at
 * once. Other models are unloaded for the first two, not for more calls at once. Null: it fits in no shape.
 */
export function chooseShape(plan: LoadPlan, room: MemoryRoom): LoadShape | null {
  const shared = plan.gpu?.sharesHostMemory ?? false;
  const fits = (shape: LoadShape, memory: MemoryNeed): boolean =>
    shape.vramBytes <= memory.vramBytes && shape.ramBytes + (shared ? shape.vramBytes : 0) <= memory.ramBytes;
  const whole = {
    ramBytes: room.free.ramBytes + room.reclaimable.ramBytes,
    vramBytes: room.free.vramBytes + room.reclaimable.vramBytes,
  };
  const half = { ramBytes: room.free.ramBytes / 2, vramBytes: room.free.vramBytes / 2 };
  const fitsWell = (shape: LoadShape, memory: MemoryNeed): boolean =>
    shape.contextTokens <= PLAIN.contextTokens || isOnlyContext(plan, shape)
      ? fits(shape, memory)
      : shape.sequences >= PLAIN.sequences && fits(shape, half);
  const best = plan.shapes.find((shape) => fitsWell(shape, whole));
  if (best === undefined) return null;
  const beside = plan.shapes.find(
    (shape) =>
      shape.onGpu === best.onGpu && shape.contextTokens === best.contextTokens && fitsWell(shape, room.free),
  );
  return beside ?? best;
}

/** Whether the configuration wants just this length, or the model knows no other. */
function isOnlyContext({ shapes }: LoadPlan, { onGpu, contextTokens }: LoadShape): boolean {
  return shapes.every((shape) => shape.onGpu !== onGpu || shape.contextTokens === contextTokens);
}

/** The least that a plan asks for, for messages. */
export function smallestShape({ shapes }: LoadPlan): LoadShape | null {
  return shapes.reduce<LoadShape | null>(
    (least, shape) => (least === null || totalOf(shape) < totalOf(least) ? shape : least),
    null,
  );
}

function totalOf({ ramBytes, vramBytes }: MemoryNeed): number {
  return ramBytes + vramBytes;
}
