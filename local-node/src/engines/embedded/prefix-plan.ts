/** What choosing a slot for a prompt needs to know of each. */
export interface SlotView {
  isFree: boolean;
  /** Tokens that it holds. */
  length: number;
  /** How many of those a call with this prompt could go on from. */
  common: number;
  /** When it was last used; any rising number. */
  usedAt: number;
}

/** Where the beginning of a prompt comes from. */
export type PrefixSource = { kind: "own" } | { kind: "slot"; slot: number } | { kind: "stored" };

export interface PrefixPlan {
  /** Index of the slot to take. */
  slot: number;
  source: PrefixSource;
  /** Tokens that the slot holds now and will not hold afterwards. */
  lost: number;
}

/** Copying or loading less than this is not worth its trouble: it is computed within some ten milliseconds. */
const MIN_GAIN = 64;
/** A slot that loses no more than this is simply gone on with: the end of its own last prompt. */
const SMALL_LOSS = 64;

/**
 * Chooses the slot for a prompt, and where the beginning of the prompt comes from, so that little is computed now and
 * little is lost for later calls: a conversation goes on where it is; a call that only shares a system prompt with
 * another takes a copy of that, into the slot that was used longest ago. Null: no slot is free. `stored` is what the
 * best state on disk has in common with the prompt.
 */
export function planPrefix(slots: readonly SlotView[], stored: number): PrefixPlan | null {
  const free = slots.flatMap((slot, index) => (slot.isFree ? [{ ...slot, index }] : []));
  if (free.length === 0) return null;
  const bestSlot = slots.reduce((best, slot) => Math.max(best, slot.common), 0);
  const best = Math.max(bestSlot, stored);

  const lossOf = ({ length, common }: SlotView): number => length - common;
  const goesOn = free
    .filter((slot) => slot.common > best - MIN_GAIN && lossOf(slot) <= SMALL_LOSS)
    .toSorted((a, b) => b.common - a.common || a.usedAt - b.usedAt)[0];
  // Slots with next to nothing in them first, then the one that was used longest ago.
  const target =
    goesOn ??
    free.toSorted(
      (a, b) => Number(lossOf(a) > SMALL_LOSS) - Number(lossOf(b) > SMALL_LOSS) || a.usedAt - b.usedAt,
    )[0];
  if (target === undefined) return null;

  if (target.common > best - MIN_GAIN)
    return { slot: target.index, source: { kind: "own" }, lost: lossOf(target) };
  const isStored = stored > bestSlot + MIN_GAIN;
  return {
    slot: target.index,
    source: isStored
      ? { kind: "stored" }
      : { kind: "slot", slot: slots.findIndex((slot) => slot.common === bestSlot) },
    lost: target.length,
  };
}
