import { describe, expect, it } from "vitest";
import type { LoadPlan } from "../embedded/ipc.ts";
import { createMemoryKeeper, type Tenant } from "./memory-keeper.ts";

const planOf = (ramBytes: number): LoadPlan => ({
  gpu: null,
  shapes: [{ onGpu: false, contextTokens: 2_048, sequences: 1, ramBytes, vramBytes: 0 }],
});

/** A machine with 100 bytes for models, in which what a model was given shows once it is loaded. */
function machine() {
  const held = new Map<Tenant, number>();
  const keeper = createMemoryKeeper({
    log: () => {},
    measure: () => ({
      ramBytes: 100 - [...held.values()].reduce((sum, bytes) => sum + bytes, 0),
      vramBytes: 0,
    }),
    limitBytes: 100,
    wait: async () => {},
  });
  const tenant = (id: string, idle: boolean): Tenant => {
    const one: Tenant = {
      id,
      keepWarm: false,
      isIdle: () => idle,
      lastUsedAt: () => 0,
      async unload() {
        held.delete(one);
        keeper.gone(one);
      },
    };
    return one;
  };
  const load = async (one: Tenant, bytes: number): Promise<void> => {
    await keeper.admit(one, planOf(bytes));
    held.set(one, bytes);
    keeper.loaded(one);
  };
  return { keeper, tenant, load, held };
}

describe("memory that a model takes on top, for an adapter", () => {
  it("is granted while there is some, and never twice", async () => {
    const { keeper, tenant, load } = machine();
    const model = tenant("model", false);
    await load(model, 60);
    const asked = await Promise.all([30, 30].map((bytes) => keeper.grow(model, planOf(bytes))));
    expect(asked).toEqual([true, false]);
  });

  it("comes from idle models, and not from busy ones", async () => {
    for (const [idle, granted] of [
      [true, true],
      [false, false],
    ] as const) {
      const { keeper, tenant, load, held } = machine();
      const model = tenant("model", false);
      const other = tenant("other", idle);
      await load(model, 50);
      await load(other, 40);
      expect(await keeper.grow(model, planOf(30))).toBe(granted);
      expect(held.has(other)).toBe(!idle);
    }
  });

  it("is there again when it is given back", async () => {
    const { keeper, tenant, load } = machine();
    const model = tenant("model", false);
    await load(model, 60);
    expect(await keeper.grow(model, planOf(40))).toBe(true);
    keeper.loaded(model);
    expect(await keeper.grow(model, planOf(40))).toBe(false);
    keeper.shrink(model, { ramBytes: 40, vramBytes: 0 });
    expect(await keeper.grow(model, planOf(40))).toBe(true);
  });

  it("is nobody's whose model is gone", async () => {
    const { keeper, tenant } = machine();
    expect(await keeper.grow(tenant("gone", false), planOf(1))).toBe(false);
  });
});
