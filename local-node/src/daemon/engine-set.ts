import type { ServedModel } from "../../../src/tunnel/protocol/messages.ts";
import type { Engine } from "../engines/engine.ts";

/** The engines of a daemon, which all go while it is paused and come back afterwards. */
export interface EngineSet {
  list(): readonly Engine[];
  /** What they serve; while they are gone what they served last, as not loaded. */
  models(): ServedModel[];
  /** Starts them; when one cannot start, none does. Does nothing where they run. */
  start(): Promise<void>;
  /** Adds one to those that run, unless its models are served already; while none runs it is left out. */
  add(engine: Engine): void;
  /** Ends them, and resolves when their processes are gone and their memory is free. */
  stop(): Promise<void>;
  /** Ends them for good: those that just start are ended once they have. */
  close(): Promise<void>;
}

/**
 * @param open starts the engines one after the other and hands each over at once, so that all can be closed again
 * @param onChange engines, their models or their slots changed
 */
export function createEngineSet(options: {
  open: (add: (engine: Engine) => void) => Promise<void>;
  onChange: () => void;
}): EngineSet {
  let engines: Engine[] = [];
  let before: ServedModel[] = [];
  let closed = false;

  const stop = async (): Promise<void> => {
    const ending = engines;
    if (ending.length === 0) return;
    before = ending.flatMap((engine) => engine.models()).map((model) => ({ ...model, loaded: false }));
    engines = [];
    options.onChange();
    await Promise.allSettled(ending.map((engine) => engine.close()));
  };

  return {
    list: () => engines,
    models: () => (engines.length > 0 ? engines.flatMap((engine) => engine.models()) : before),
    start: async () => {
      if (engines.length > 0) return;
      const started: Engine[] = [];
      try {
        await options.open((engine) => started.push(engine));
      } catch (error) {
        await Promise.allSettled(started.map((engine) => engine.close()));
        throw error;
      }
      if (closed) return void (await Promise.allSettled(started.map((engine) => engine.close())));
      engines = started;
      for (const engine of engines) engine.onChange(options.onChange);
      options.onChange();
    },
    add: (engine) => {
      const served = new Set(engines.flatMap((one) => one.models().map(({ id }) => id)));
      if (engines.length === 0 || engine.models().some(({ id }) => served.has(id))) return;
      engines = [...engines, engine];
      engine.onChange(options.onChange);
      options.onChange();
    },
    stop,
    close: () => {
      closed = true;
      return stop();
    },
  };
}
