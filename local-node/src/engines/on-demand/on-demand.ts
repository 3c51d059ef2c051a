import type { ServedModel } from "../../../../src/tunnel/protocol/messages.ts";
import type { Adapter } from "../../models/adapter.ts";
import { NodeError } from "../../serve/contract.ts";
import { modelNotLoaded } from "../../serve/node-errors.ts";
import { observed } from "../../serve/observed-body.ts";
import { withAdapters } from "../embedded/adapted-models.ts";
import type { ModelMemory } from "../embedded/admit-alone.ts";
import type { EmbeddedEngine } from "../embedded/embedded.ts";
import type { Engine, EngineRequest } from "../engine.ts";
import type { MemoryKeeper, Tenant } from "./memory-keeper.ts";

export interface OnDemandEngine extends Engine {
  /** Loads the model where it is not loaded; resolves when it can take calls. Rejects with a `NodeError`. */
  prepare(): Promise<void>;
  /** Ends the model's process, which gives all of its memory back; the model stays available. */
  unload(): Promise<void>;
  /** Replaces the adapters that are served with the model. */
  setAdapters(adapters: readonly Adapter[]): void;
}

/** How long a model that could not be loaded is not tried again, in ms. */
const RETRY_MS = 30_000;

/**
 * A model that is available and in memory only while it is wanted: loaded when a call names it, unloaded when nothing
 * has run on it for `idleMs`, or when another model needs its memory.
 */
export function createOnDemandEngine(options: {
  /** What is told of the model while it has never been loaded. */
  model: ServedModel;
  open: (memory: ModelMemory) => Promise<EmbeddedEngine>;
  keeper: MemoryKeeper;
  /** Stays in memory once it is there. */
  keepWarm: boolean;
  idleMs: number;
  log: (
    level: "info" | "warn" | "error",
    message: string,
    fields?: Record<string, string | number | null>,
  ) => void;
  /** Milliseconds, rising. */
  now?: () => number;
}): OnDemandEngine {
  const { keeper, log } = options;
  const { id } = options.model;
  const now = options.now ?? (() => performance.now());
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  let known = options.model;
  let engine: EmbeddedEngine | null = null;
  let loading: Promise<void> | null = null;
  let failed: { error: NodeError; at: number } | null = null;
  let running = 0;
  let usedAt = now();
  let idleTimer: NodeJS.Timeout | undefined;
  let closed = false;
  let adapters: readonly Adapter[] = [];

  const unload = async (): Promise<void> => {
    const ending = engine;
    if (ending === null) return;
    known = { ...(ending.models()[0] ?? known), loaded: false };
    engine = null;
    clearTimeout(idleTimer);
    changed();
    await ending.close();
    keeper.gone(tenant);
  };
  const tenant: Tenant = {
    id,
    keepWarm: options.keepWarm,
    isIdle: () => engine !== null && running === 0,
    lastUsedAt: () => usedAt,
    unload,
  };

  const restAfterUse = (): void => {
    usedAt = now();
    clearTimeout(idleTimer);
    if (options.keepWarm || running > 0 || engine === null) return;
    idleTimer = setTimeout(() => {
      if (!tenant.isIdle()) return;
      log("info", `Unloading ${id}: nothing ran on it for ${Math.round(options.idleMs / 60_000)} minutes.`);
      unload().catch((error: unknown) => log("error", `Unloading ${id} failed: ${String(error)}`));
    }, options.idleMs);
    idleTimer.unref();
  };

  const load = async (): Promise<void> => {
    log("info", `Loading ${id}.`, { model: id });
    try {
      const opened = await options.open({
        admit: (plan) => keeper.admit(tenant, plan),
        grow: (plan) => keeper.grow(tenant, plan),
        grown: () => keeper.loaded(tenant),
        shrink: (need) => keeper.shrink(tenant, need),
      });
      opened.setAdapters(adapters);
      if (closed) return void (await opened.close());
      keeper.loaded(tenant);
      opened.onChange(changed);
      engine = opened;
      failed = null;
      restAfterUse();
      const { gpu, shape } = opened.runtime() ?? { gpu: null, shape: null };
      log("info", `Serving ${id} on ${gpu ?? "the CPU"}.`, {
        model: id,
        slots: opened.slots(),
        contextTokens: shape?.contextTokens ?? null,
        tokensPerSecond: opened.models()[0]?.tokensPerSecond ?? null,
      });
    } catch (thrown) {
      keeper.gone(tenant);
      if (!(thrown instanceof NodeError)) throw thrown;
      failed = { error: thrown, at: now() };
      throw thrown;
    }
  };

  return {
    kind: "embedded",
    models: () => engine?.models() ?? withAdapters(known, adapters),
    slots: () => engine?.slots() ?? 0,
    placement: () => engine?.placement() ?? { pids: [], device: null },
    async prepare() {
      // A process that died starts again by itself; until then calls are better off elsewhere.
      if (engine !== null) {
        if (engine.models()[0]?.loaded) return;
        throw modelNotLoaded(id);
      }
      if (failed !== null && now() - failed.at < RETRY_MS) throw failed.error;
      loading ??= load().finally(() => {
        loading = null;
        changed();
      });
      await loading;
    },
    unload,
    async handle(request: EngineRequest) {
      const current = engine;
      if (current === null) throw modelNotLoaded(id);
      running++;
      let ended = false;
      const end = (): void => {
        if (ended) return;
        ended = true;
        running--;
        restAfterUse();
      };
      try {
        const response = await current.handle(request);
        request.signal.addEventListener("abort", end, { once: true });
        if (request.signal.aborted) end();
        return { ...response, body: observed(response.body, end) };
      } catch (error) {
        end();
        throw error;
      }
    },
    onChange: (listener) => void listeners.add(listener),
    setAdapters(next) {
      adapters = next;
      engine?.setAdapters(next);
      changed();
    },
    async close() {
      closed = true;
      await unload();
      // A model that is just being loaded ends as soon as it is there.
      await loading?.catch(() => undefined);
    },
  };
}
