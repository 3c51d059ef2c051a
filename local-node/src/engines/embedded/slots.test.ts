import { describe, expect, it } from "vitest";
import { createSlotPool } from "./slots.ts";

const slot = (name: string, tokens: number[]) => ({
  name,
  compareContextTokens: (prompt: number[]) => {
    const index = tokens.findIndex((token, position) => token !== prompt[position]);
    return { firstDifferentIndex: index === -1 ? tokens.length : index };
  },
});
const never = new AbortController().signal;

describe("createSlotPool", () => {
  it("gives the slot that holds the longest beginning of the prompt", async () => {
    const pool = createSlotPool([slot("a", [1]), slot("b", [1, 2, 3]), slot("c", [1, 2])]);
    expect((await pool.acquire([1, 2, 3, 4], never))?.name).toBe("b");
    expect((await pool.acquire([1, 2, 3, 4], never))?.name).toBe("c");
  });

  it("gives the slot that was used longest ago where none holds more", async () => {
    const pool = createSlotPool([slot("a", []), slot("b", [])]);
    const first = await pool.acquire([1], never);
    if (first !== null) pool.release(first);
    expect((await pool.acquire([1], never))?.name).toBe("b");
  });

  it("lets calls wait in order, and forgets those that were cancelled", async () => {
    const pool = createSlotPool([slot("a", [])]);
    const held = await pool.acquire([1], never);
    const cancel = new AbortController();
    const cancelled = pool.acquire([1], cancel.signal);
    const waiting = pool.acquire([1], never);
    cancel.abort();
    expect(await cancelled).toBeNull();
    if (held !== null) pool.release(held);
    expect((await waiting)?.name).toBe("a");
  });

  it("takes no slot for a call that was cancelled before it came", async () => {
    const pool = createSlotPool([slot("a", [])]);
    expect(await pool.acquire([1], AbortSignal.abort())).toBeNull();
    expect((await pool.acquire([1], never))?.name).toBe("a");
  });
});
