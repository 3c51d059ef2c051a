import { describe, expect, it } from "vitest";
import type { PrefixPlan } from "./prefix-plan.ts";
import { createSlotPool, type Slot } from "./slots.ts";

const holder = (tokens: number[]) => ({
  nextTokenIndex: tokens.length,
  compareContextTokens: (prompt: number[]) => {
    const index = tokens.findIndex((token, position) => token !== prompt[position]);
    return { firstDifferentIndex: index === -1 ? tokens.length : index };
  },
});
type Holder = ReturnType<typeof holder>;

const prompt = Array.from({ length: 300 }, (_, index) => index);
const call = { prompt, scope: "a" };
const never = new AbortController().signal;

function pool(
  held: [tokens: number[], scope: string][],
  prepare: (plan: PrefixPlan) => Promise<void> = () => Promise.resolve(),
) {
  const slots: Slot<Holder>[] = held.map(([tokens, scope]) => ({ sequence: holder(tokens), scope }));
  const plans: PrefixPlan[] = [];
  const created = createSlotPool<number, Holder>({
    slots,
    reusable: (_, common) => common,
    stored: () => 0,
    async prepare(_, plan) {
      plans.push(plan);
      await prepare(plan);
    },
  });
  return { slots, plans, pool: created };
}
const indexOf = (slots: (Slot<Holder> | null)[], slot: Slot<Holder> | null) => slots.indexOf(slot);

describe("createSlotPool", () => {
  it("gives the slot that holds the longest beginning of the prompt", async () => {
    const { slots, pool: made } = pool([
      [[0], "a"],
      [prompt.slice(0, 200), "a"],
      [prompt.slice(0, 100), "a"],
    ]);
    expect(indexOf(slots, await made.acquire(call, never))).toBe(1);
  });

  it("reuses nothing that another project computed (a probe would learn what others ask)", async () => {
    const { plans, pool: made } = pool([
      [prompt.slice(0, 200), "b"],
      [[], ""],
    ]);
    await made.acquire(call, never);
    expect(plans).toEqual([{ slot: 1, source: { kind: "own" }, lost: 0 }]);
  });

  it("takes a copy from a slot that is busy", async () => {
    const { plans, pool: made } = pool([
      [prompt.slice(0, 200), "a"],
      [[], "a"],
    ]);
    await made.acquire(call, never);
    await made.acquire(call, never);
    expect(plans[1]).toEqual({ slot: 1, source: { kind: "slot", slot: 0 }, lost: 0 });
  });

  it("lets calls wait in order, forgets those that were cancelled, and none overtakes", async () => {
    const { slots, pool: made } = pool([[[], "a"]]);
    const held = await made.acquire(call, never);
    const cancel = new AbortController();
    const cancelled = made.acquire(call, cancel.signal);
    const waiting = made.acquire(call, never);
    cancel.abort();
    expect(await cancelled).toBeNull();
    if (held !== null) made.release(held);
    // It comes before the one that waits has taken the slot.
    const late = made.acquire(call, never);
    const taken = await waiting;
    expect(indexOf(slots, taken)).toBe(0);
    if (taken !== null) made.release(taken);
    expect(indexOf(slots, await late)).toBe(0);
  });

  it("passes a slot on when the call that waited for it was cancelled just then", async () => {
    const { slots, pool: made } = pool([[[], "a"]]);
    const held = await made.acquire(call, never);
    const cancel = new AbortController();
    const first = made.acquire(call, cancel.signal);
    const second = made.acquire(call, never);
    if (held !== null) made.release(held);
    cancel.abort();
    expect(await first).toBeNull();
    expect(indexOf(slots, await second)).toBe(0);
  });

  it("takes no slot for a call that was cancelled before it came, or while its slot was prepared", async () => {
    const cancel = new AbortController();
    const { slots, pool: made } = pool([[[], "a"]], async () => cancel.abort());
    expect(await made.acquire(call, AbortSignal.abort())).toBeNull();
    expect(await made.acquire(call, cancel.signal)).toBeNull();
    expect(indexOf(slots, await made.acquire(call, never))).toBe(0);
  });

  it("gives a slot back that could not be prepared", async () => {
    let fails = true;
    const { slots, pool: made } = pool([[[], "a"]], async () => {
      if (fails) throw new Error("no");
    });
    await expect(made.acquire(call, never)).rejects.toThrow("no");
    fails = false;
    expect(indexOf(slots, await made.acquire(call, never))).toBe(0);
  });

  it("lends slots only while nobody waits", async () => {
    const { slots, pool: made } = pool([
      [[], "a"],
      [[], "a"],
    ]);
    const first = await made.acquire(call, never);
    const extra = await made.borrow(call);
    expect(extra).not.toBeNull();
    expect(await made.borrow(call)).toBeNull();
    const waiting = made.acquire(call, never);
    if (extra !== null) made.release(extra);
    expect(await made.borrow(call)).toBeNull();
    expect(indexOf(slots, await waiting)).not.toBe(indexOf(slots, first));
  });
});
