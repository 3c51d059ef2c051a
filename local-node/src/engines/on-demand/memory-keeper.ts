import { hostMemory, modelBudget } from "../../hardware/host-memory.ts";
import { NodeError } from "../../serve/contract.ts";
import { doesNotFit, freeMemory } from "../embedded/admit-alone.ts";
import { chooseShape } from "../embedded/choose-shape.ts";
import type { LoadPlan, LoadShape } from "../embedded/ipc.ts";
import type { MemoryNeed } from "../embedded/memory-need.ts";

/** A model that shares the machine's memory with others. */
export interface Tenant {
  readonly id: string;
  /** Never unloaded to make room. */
  readonly keepWarm: boolean;
  /** Whether it is in memory and nothing runs on it. */
  isIdle(): boolean;
  /** Milliseconds, rising. */
  lastUsedAt(): number;
  /** Resolves when its process has ended. */
  unload(): Promise<void>;
}

export interface MemoryKeeper {
  /**
   * Finds room for a model, unloading idle ones where need be (those that were used longest ago first), and waiting for
   * busy ones. One model at a time is decided about, so that no memory is given twice.
   * @throws {NodeError} `does_not_fit`
   */
  admit(tenant: Tenant, plan: LoadPlan): Promise<LoadShape>;
  /** The model is in memory: what it takes shows in what is free. */
  loaded(tenant: Tenant): void;
  /** The model is gone, or was never loaded. */
  gone(tenant: Tenant): void;
}

const NONE: MemoryNeed = { ramBytes: 0, vramBytes: 0 };

/** Between two looks at whether a busy model has become idle, in ms. */
const LOOK_MS = 200;

export function createMemoryKeeper(options: {
  log: (level: "info" | "warn", message: string) => void;
  /** What the machine has free; for tests. */
  measure?: (plan: LoadPlan) => MemoryNeed;
  /** Bytes of the host's memory that models may take in all; null: what the system does not need. */
  limitBytes?: number | null;
  wait?: (ms: number) => Promise<void>;
}): MemoryKeeper {
  const measure = options.measure ?? freeMemory;
  const wait = options.wait ?? ((ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)));
  /** What each model was given; `pending` until it is in memory and shows in what is free. */
  const grants = new Map<Tenant, { need: MemoryNeed; pending: boolean }>();
  let turn: Promise<unknown> = Promise.resolve();

  const sumOf = (pick: (tenant: Tenant, pending: boolean) => boolean): MemoryNeed => {
    let [ramBytes, vramBytes] = [0, 0];
    for (const [tenant, { need, pending }] of grants) {
      if (!pick(tenant, pending)) continue;
      ramBytes += need.ramBytes;
      vramBytes += need.vramBytes;
    }
    return { ramBytes, vramBytes };
  };
  const freeFor = (plan: LoadPlan): MemoryNeed => {
    const free = minus(
      measure(plan),
      sumOf((_tenant, pending) => pending),
    );
    const budget = {
      ramBytes: options.limitBytes ?? modelBudget(hostMemory().totalBytes),
      vramBytes: plan.gpu?.totalBytes ?? 0,
    };
    // Weights that are mapped from a file count as free with the system, though their model needs them.
    return smaller(
      free,
      minus(
        budget,
        sumOf(() => true),
      ),
    );
  };

  const find = async (tenant: Tenant, plan: LoadPlan): Promise<LoadShape> => {
    for (;;) {
      const free = freeFor(plan);
      const idle = (one: Tenant) => one !== tenant && !one.keepWarm && one.isIdle();
      const room = { free, reclaimable: sumOf(idle) };
      const shape = chooseShape(plan, room);
      if (shape !== null) {
        if (fitsAsItIs(plan, shape, free)) return shape;
        const victim = [...grants.keys()].filter(idle).sort((a, b) => a.lastUsedAt() - b.lastUsedAt())[0];
        if (victim === undefined) return shape;
        options.log("info", `Unloading ${victim.id}: ${tenant.id} needs its memory.`);
        await victim.unload();
        grants.delete(victim);
        continue;
      }
      const ever = { free, reclaimable: sumOf((one) => one !== tenant && !one.keepWarm) };
      if (chooseShape(plan, ever) === null) throw doesNotFit(tenant.id, plan, ever);
      await wait(LOOK_MS);
    }
  };

  return {
    admit(tenant, plan) {
      grants.delete(tenant);
      const found = turn.then(async () => {
        const shape = await find(tenant, plan);
        grants.set(tenant, { need: shape, pending: true });
        return shape;
      });
      turn = found.catch((error: unknown) => {
        if (!(error instanceof NodeError)) throw error;
      });
      return found;
    },
    loaded: (tenant) => {
      const grant = grants.get(tenant);
      if (grant !== undefined) grant.pending = false;
    },
    gone: (tenant) => void grants.delete(tenant),
  };
}

/** Whether a shape fits what is free as it is. */
function fitsAsItIs(plan: LoadPlan, shape: LoadShape, free: MemoryNeed): boolean {
  return chooseShape({ ...plan, shapes: [shape] }, { free, reclaimable: NONE }) !== null;
}

function minus(a: MemoryNeed, b: MemoryNeed): MemoryNeed {
  return { ramBytes: a.ramBytes - b.ramBytes, vramBytes: a.vramBytes - b.vramBytes };
}

function smaller(a: MemoryNeed, b: MemoryNeed): MemoryNeed {
  return { ramBytes: Math.min(a.ramBytes, b.ramBytes), vramBytes: Math.min(a.vramBytes, b.vramBytes) };
}
