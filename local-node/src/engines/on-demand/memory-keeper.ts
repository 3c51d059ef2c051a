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
  /**
   * Whether a model that is loaded may take what the plan's one shape needs on top, unloading idle ones where need be;
   * nobody's calls are waited for.
   */
  grow(tenant: Tenant, plan: LoadPlan): Promise<boolean>;
  /** Some of what a model grew by is free again. */
  shrink(tenant: Tenant, need: MemoryNeed): void;
  /** The model is in memory, and what it grew by: all that it takes shows in what is free. */
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
  /** What each model was given, and how much of that does not show yet in what is free. */
  const grants = new Map<Tenant, { need: MemoryNeed; unseen: MemoryNeed }>();
  let turn: Promise<unknown> = Promise.resolve();

  const sumOf = (pick: (tenant: Tenant) => boolean, part: "need" | "unseen" = "need"): MemoryNeed =>
    [...grants].reduce((sum, [tenant, grant]) => (pick(tenant) ? plus(sum, grant[part]) : sum), NONE);
  const freeFor = (plan: LoadPlan): MemoryNeed => {
    const free = minus(
      measure(plan),
      sumOf(() => true, "unseen"),
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

  /** Unloads the idle model that was used longest ago; false: there is none. */
  const unloadOne = async (idle: (one: Tenant) => boolean, reason: string): Promise<boolean> => {
    const victim = [...grants.keys()].filter(idle).sort((a, b) => a.lastUsedAt() - b.lastUsedAt())[0];
    if (victim === undefined) return false;
    options.log("info", `Unloading ${victim.id}: ${reason}`);
    await victim.unload();
    grants.delete(victim);
    return true;
  };

  const find = async (tenant: Tenant, plan: LoadPlan): Promise<LoadShape> => {
    for (;;) {
      const free = freeFor(plan);
      const idle = (one: Tenant) => one !== tenant && !one.keepWarm && one.isIdle();
      const room = { free, reclaimable: sumOf(idle) };
      const shape = chooseShape(plan, room);
      if (shape !== null) {
        if (fitsAsItIs(plan, shape, free)) return shape;
        if (!(await unloadOne(idle, `${tenant.id} needs its memory.`))) return shape;
        continue;
      }
      const ever = { free, reclaimable: sumOf((one) => one !== tenant && !one.keepWarm) };
      if (chooseShape(plan, ever) === null) throw doesNotFit(tenant.id, plan, ever);
      await wait(LOOK_MS);
    }
  };

  const growTo = async (tenant: Tenant, plan: LoadPlan): Promise<boolean> => {
    const [more] = plan.shapes;
    const idle = (one: Tenant) => one !== tenant && !one.keepWarm && one.isIdle();
    for (;;) {
      const grant = grants.get(tenant);
      if (more === undefined || grant === undefined) return false;
      if (fitsAsItIs(plan, more, freeFor(plan))) {
        grants.set(tenant, { need: plus(grant.need, more), unseen: plus(grant.unseen, more) });
        return true;
      }
      if (!(await unloadOne(idle, `an adapter of ${tenant.id} needs its memory.`))) return false;
    }
  };
  /** One after another, so that no memory is given twice. */
  const inTurn = <T>(decide: () => Promise<T>): Promise<T> => {
    const decided = turn.then(decide);
    turn = decided.catch((error: unknown) => {
      if (!(error instanceof NodeError)) throw error;
    });
    return decided;
  };

  return {
    admit(tenant, plan) {
      grants.delete(tenant);
      return inTurn(async () => {
        const shape = await find(tenant, plan);
        grants.set(tenant, { need: shape, unseen: shape });
        return shape;
      });
    },
    grow: (tenant, plan) => inTurn(() => growTo(tenant, plan)),
    shrink(tenant, need) {
      const grant = grants.get(tenant);
      if (grant !== undefined) grants.set(tenant, { ...grant, need: minus(grant.need, need) });
    },
    loaded(tenant) {
      const grant = grants.get(tenant);
      if (grant !== undefined) grants.set(tenant, { ...grant, unseen: NONE });
    },
    gone: (tenant) => void grants.delete(tenant),
  };
}

/** Whether a shape fits what is free as it is. */
function fitsAsItIs(plan: LoadPlan, shape: LoadShape, free: MemoryNeed): boolean {
  return chooseShape({ ...plan, shapes: [shape] }, { free, reclaimable: NONE }) !== null;
}

function plus(a: MemoryNeed, b: MemoryNeed): MemoryNeed {
  return { ramBytes: a.ramBytes + b.ramBytes, vramBytes: a.vramBytes + b.vramBytes };
}

function minus(a: MemoryNeed, b: MemoryNeed): MemoryNeed {
  return { ramBytes: a.ramBytes - b.ramBytes, vramBytes: a.vramBytes - b.vramBytes };
}

function smaller(a: MemoryNeed, b: MemoryNeed): MemoryNeed {
  return { ramBytes: Math.min(a.ramBytes, b.ramBytes), vramBytes: Math.min(a.vramBytes, b.vramBytes) };
}
