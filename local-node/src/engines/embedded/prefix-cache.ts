import type { LlamaContext, LlamaContextSequence, Token } from "node-llama-cpp";
import { copyState } from "./binding.ts";
import type { PrefixPlan } from "./prefix-plan.ts";
import type { PrefixStore, StoredPrefix } from "./prefix-store.ts";
import type { Slot, SlotCall, SlotPoolOptions } from "./slots.ts";

export type SequenceSlot = Slot<LlamaContextSequence>;

/** Less is computed again rather than written. */
const MIN_SAVED_TOKENS = 256;
/** The beginning of a prompt is what others share; all of a long conversation would be hundreds of megabytes. */
const MAX_SAVED_TOKENS = 4096;
/** Writing a state must be this much faster than computing it again, or it is not written. */
const MIN_SPEEDUP = 4;
/** A copy may be taken between two steps of its source, before the source has noted the last one. */
const COPY_TRIES = 3;

export interface PrefixCache extends Omit<SlotPoolOptions<Token, LlamaContextSequence>, "slots"> {
  /** Empties a slot, whatever state its sequence is in. */
  renew(slot: SequenceSlot): Promise<void>;
}

/** Brings beginnings of prompts into slots: from another slot, or from disk, and what gives way to disk. */
export function createPrefixCache(options: {
  context: LlamaContext;
  /** Null: nothing goes to disk. */
  store: PrefixStore | null;
  /** Milliseconds that a token of a prompt takes; null while unknown. */
  prefillMsPerToken: () => number | null;
  now: () => number;
}): PrefixCache {
  const { context, now } = options;
  let saveMsPerToken: number | null = null;
  // The state of a recurrent or sliding-window model cannot be cut to a beginning, so it serves nobody else.
  const storeFor = (sequence: LlamaContextSequence): PrefixStore | null =>
    sequence.needsCheckpoints ? null : options.store;

  const renew = async (slot: SequenceSlot): Promise<void> => {
    await slot.sequence.dispose();
    slot.sequence = context.getSequence();
  };
  const pays = (): boolean => {
    const prefill = options.prefillMsPerToken();
    return saveMsPerToken === null || prefill === null || saveMsPerToken * MIN_SPEEDUP < prefill;
  };
  const keep = async (slot: SequenceSlot, slots: readonly SequenceSlot[]): Promise<void> => {
    const store = storeFor(slot.sequence);
    if (store === null || !pays()) return;
    const { sequence, scope } = slot;
    const tokens = sequence.contextTokens.slice(0, MAX_SAVED_TOKENS);
    const elsewhere = slots
      .filter((other) => other !== slot && other.scope === scope)
      .map((other) => other.sequence.compareContextTokens(tokens).firstDifferentIndex);
    if (tokens.length - Math.max(0, ...elsewhere) < MIN_SAVED_TOKENS) return;
    await store.save(tokens, scope, async (path) => {
      await sequence.eraseContextTokenRanges([{ start: tokens.length, end: sequence.nextTokenIndex }]);
      const startedAt = now();
      await sequence.saveStateToFile(path);
      saveMsPerToken = (now() - startedAt) / tokens.length;
    });
  };
  const copy = async (slot: SequenceSlot, source: SequenceSlot, prompt: Token[]): Promise<void> => {
    for (let tries = 0; tries < COPY_TRIES; tries++) {
      const held = source.sequence.nextTokenIndex;
      const { firstDifferentIndex } = source.sequence.compareContextTokens(prompt);
      // Where the engine can only go back to checkpoints, it does so afterwards, from the whole.
      const upTo = source.sequence.needsCheckpoints ? held : firstDifferentIndex;
      if (await copyState({ target: slot.sequence, source: source.sequence, upTo })) return;
      await renew(slot);
    }
  };
  const load = async (slot: SequenceSlot, store: PrefixStore, prefix: StoredPrefix): Promise<void> => {
    const isLoaded = await store.load(prefix, (path) =>
      slot.sequence.loadStateFromFile(path, { acceptRisk: true }),
    );
    if (!isLoaded) await renew(slot);
  };

  return {
    renew,
    reusable(sequence, common) {
      if (!sequence.needsCheckpoints || common === sequence.nextTokenIndex) return common;
      return Math.max(0, common - sequence.getRestoreToPrefixIndexEvaluationSize(common));
    },
    stored: ({ prompt, scope }) => options.store?.best(prompt, scope)?.common ?? 0,
    async prepare({ prompt, scope }: SlotCall<Token>, plan: PrefixPlan, slots: readonly SequenceSlot[]) {
      const slot = slots[plan.slot];
      if (slot === undefined) throw new Error("The plan names no slot.");
      if (plan.lost >= MIN_SAVED_TOKENS) await keep(slot, slots);
      const { source } = plan;
      if (source.kind === "own") {
        if (slot.scope !== scope) await slot.sequence.clearHistory();
      } else if (source.kind === "slot") {
        const from = slots[source.slot];
        if (from !== undefined) await copy(slot, from, prompt);
      } else {
        const prefix = options.store?.best(prompt, scope) ?? null;
        if (options.store !== null && prefix !== null) await load(slot, options.store, prefix);
        else if (slot.scope !== scope) await slot.sequence.clearHistory();
      }
      slot.scope = scope;
    },
  };
}
