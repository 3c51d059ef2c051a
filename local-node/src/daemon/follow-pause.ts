import { reasonOf } from "../models/model-error.ts";
import { pausedError } from "../serve/node-errors.ts";
import type { Serve } from "../serve/serve.ts";
import type { EngineSet } from "./engine-set.ts";
import type { Log } from "./log.ts";
import type { Pause } from "./pause.ts";

/** After a start that failed, for example since the GPU's memory is not free yet, in ms. */
const RETRY_MS = 30_000;

/** What a caller is told to wait where the end of the pause is not known, and at most, in seconds. */
const RETRY_AFTER = { unknown: 60, most: 3_600 };

/**
 * Makes the node do as it was told last: paused, its calls end within the grace, its engines go, and its memory is the
 * owner's; then the engines come back before a call is taken. One change after the other, and only the last one counts.
 */
export function followPause(options: {
  /** Null: the engines run. Else they were not started, and no call is taken from now on. */
  pause: Pause | null;
  serve: Pick<Serve, "pause" | "resume">;
  engines: EngineSet;
  graceMs: () => number;
  log: Log;
  now?: () => number;
  retryMs?: number;
}): { set(pause: Pause | null): void; close(): void } {
  const { serve, engines, log } = options;
  const now = options.now ?? Date.now;
  let closed = false;
  let wanted = options.pause;
  let serving = wanted === null;
  let working = false;
  let changed = Promise.withResolvers<void>();

  const refusal = () => {
    const left = wanted?.until == null ? RETRY_AFTER.unknown : Math.ceil((wanted.until - now()) / 1000);
    return pausedError(Math.min(RETRY_AFTER.most, Math.max(1, left)));
  };
  /** Until `ms` have passed, `other` has happened, or what is wanted has changed. */
  const wait = async (ms: number, other?: Promise<unknown>): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    const passed = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms).unref();
    });
    await Promise.race([passed, changed.promise, ...(other === undefined ? [] : [other])]);
    clearTimeout(timer);
  };
  const stop = async (): Promise<void> => {
    let running = true;
    const idle = serve.pause(refusal).then(() => {
      running = false;
    });
    const until = now() + options.graceMs();
    while (running && wanted !== null && now() < until && !closed) {
      changed = Promise.withResolvers();
      await wait(until - now(), idle);
    }
    if (wanted === null) return serve.resume();
    await engines.stop();
    serving = false;
  };
  const start = async (): Promise<void> => {
    try {
      await engines.start();
      serving = true;
      if (wanted === null) serve.resume();
    } catch (error) {
      log("error", `The engines cannot start again yet (${reasonOf(error)}). Trying again.`);
      changed = Promise.withResolvers();
      await wait(options.retryMs ?? RETRY_MS);
    }
  };
  const work = async (): Promise<void> => {
    if (working) return;
    working = true;
    try {
      while (!closed && (wanted === null) !== serving) {
        await (wanted === null ? start() : stop());
      }
    } finally {
      working = false;
    }
  };
  if (wanted !== null) {
    serve.pause(refusal).catch((error: unknown) => log("error", `Pausing failed: ${reasonOf(error)}`));
  }

  return {
    set: (pause) => {
      wanted = pause;
      changed.resolve();
      work().catch((error: unknown) => log("error", `Pausing failed: ${reasonOf(error)}`));
    },
    close: () => {
      closed = true;
      changed.resolve();
    },
  };
}
