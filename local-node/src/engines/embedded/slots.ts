import { type PrefixPlan, planPrefix, type SlotView } from "./prefix-plan.ts";

/** A sequence of the engine's context, as far as choosing one needs to know it. */
export interface PrefixHolder<T> {
  readonly nextTokenIndex: number;
  compareContextTokens(tokens: T[]): { firstDifferentIndex: number };
}

/** A place for one call. Its sequence may be replaced by an empty one. */
export interface Slot<S> {
  sequence: S;
  /** Whose tokens it holds: nothing of one scope is reused for another. */
  scope: string;
}

/** What a slot is wanted for. */
export interface SlotCall<T> {
  prompt: T[];
  scope: string;
  /** Told when the slot is the call's, before it is prepared. */
  onTaken?: () => void;
}

export interface SlotPool<T, S extends PrefixHolder<T>> {
  /** Waits for a free slot, in the order of asking, and prepares it; null: the signal fired first. */
  acquire(call: SlotCall<T>, signal: AbortSignal): Promise<Slot<S> | null>;
  /** A free slot for more of a call that has one already; null: none is free, or others wait. */
  borrow(call: SlotCall<T>): Promise<Slot<S> | null>;
  release(slot: Slot<S>): void;
}

export interface SlotPoolOptions<T, S> {
  slots: readonly Slot<S>[];
  /** How many of the `common` tokens the sequence can go on from, where it would have to go back to them. */
  reusable(sequence: S, common: number): number;
  /** What the best state on disk has in common with the prompt. */
  stored(call: SlotCall<T>): number;
  /** Brings the beginning of the prompt into the slot that the plan names, and drops what is not of the call's scope. */
  prepare(call: SlotCall<T>, plan: PrefixPlan, slots: readonly Slot<S>[]): Promise<void>;
}

/** Gives slots to calls, by what they hold of the prompts (`planPrefix`). */
export function createSlotPool<T, S extends PrefixHolder<T>>(options: SlotPoolOptions<T, S>): SlotPool<T, S> {
  const { slots } = options;
  const busy = new Set<Slot<S>>();
  const usedAt = new Map<Slot<S>, number>();
  const waiting: (() => void)[] = [];
  /** Slots that are free, and promised to calls that waited and are about to take them. */
  let promised = 0;
  let uses = 0;

  const view = (slot: Slot<S>, { prompt, scope }: SlotCall<T>): SlotView => {
    const same = slot.scope === scope ? slot.sequence.compareContextTokens(prompt).firstDifferentIndex : 0;
    return {
      isFree: !busy.has(slot),
      length: slot.sequence.nextTokenIndex,
      common: options.reusable(slot.sequence, same),
      usedAt: usedAt.get(slot) ?? 0,
    };
  };
  const take = async (call: SlotCall<T>): Promise<Slot<S> | null> => {
    const plan = planPrefix(
      slots.map((slot) => view(slot, call)),
      options.stored(call),
    );
    const slot = plan === null ? undefined : slots[plan.slot];
    if (plan === null || slot === undefined) return null;
    busy.add(slot);
    call.onTaken?.();
    try {
      await options.prepare(call, plan, slots);
    } catch (error) {
      release(slot);
      throw error;
    }
    return slot;
  };
  const release = (slot: Slot<S>): void => {
    busy.delete(slot);
    usedAt.set(slot, ++uses);
    wakeNext();
  };
  const wakeNext = (): void => {
    const next = waiting.shift();
    if (next === undefined) return;
    promised++;
    next();
  };
  const mustWait = (): boolean => waiting.length > 0 || busy.size + promised >= slots.length;

  return {
    async acquire(call, signal) {
      if (signal.aborted) return null;
      if (mustWait()) {
        if (!(await freeSlot(waiting, signal))) return null;
        promised--;
        if (signal.aborted) {
          wakeNext();
          return null;
        }
      }
      const slot = await take(call);
      if (slot !== null && signal.aborted) {
        release(slot);
        return null;
      }
      return slot;
    },
    borrow: async (call) => (mustWait() ? null : take(call)),
    release,
  };
}

/** False: the signal fired first. */
function freeSlot(waiting: (() => void)[], signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const onFree = (): void => {
      signal.removeEventListener("abort", onAbort);
      resolve(true);
    };
    const onAbort = (): void => {
      waiting.splice(waiting.indexOf(onFree), 1);
      resolve(false);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    waiting.push(onFree);
  });
}
