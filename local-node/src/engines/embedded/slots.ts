/** A sequence of the engine's context, as far as choosing one needs to know it. */
export interface PrefixHolder<T> {
  compareContextTokens(tokens: T[]): { firstDifferentIndex: number };
}

export interface SlotPool<T, S extends PrefixHolder<T>> {
  /** Waits for a free slot and takes the one that holds the longest prefix of the prompt; null: the signal fired first. */
  acquire(prompt: T[], signal: AbortSignal): Promise<S | null>;
  release(slot: S): void;
}

/** Slots in order of need: of equally good ones the one that was used longest ago, to keep others' prefixes. */
export function createSlotPool<T, S extends PrefixHolder<T>>(slots: readonly S[]): SlotPool<T, S> {
  const free = [...slots];
  const waiting: (() => void)[] = [];
  const take = (prompt: T[]): S | null => {
    const ranked = free.map((slot) => ({
      slot,
      held: slot.compareContextTokens(prompt).firstDifferentIndex,
    }));
    const best = ranked.reduce<(typeof ranked)[number] | null>(
      (current, candidate) => (current === null || candidate.held > current.held ? candidate : current),
      null,
    );
    if (best === null) return null;
    free.splice(free.indexOf(best.slot), 1);
    return best.slot;
  };
  return {
    acquire(prompt, signal) {
      if (signal.aborted) return Promise.resolve(null);
      const slot = waiting.length === 0 ? take(prompt) : null;
      if (slot !== null) return Promise.resolve(slot);
      return new Promise((resolve) => {
        const onFree = (): void => {
          signal.removeEventListener("abort", onAbort);
          resolve(take(prompt));
        };
        const onAbort = (): void => {
          waiting.splice(waiting.indexOf(onFree), 1);
          resolve(null);
        };
        signal.addEventListener("abort", onAbort, { once: true });
        waiting.push(onFree);
      });
    },
    release(slot) {
      free.push(slot);
      waiting.shift()?.();
    },
  };
}
