import { statSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { Log } from "../log.ts";
import { NodeProblem } from "../node-problem.ts";
import { type ConfigPlace, loadConfig } from "./load-config.ts";
import type { NodeConfig } from "./schema.ts";
import { SETTINGS, valueAt } from "./settings.ts";

/** Settings that a running daemon takes over; the others wait for its next start. */
const LIVE_SETTINGS: readonly string[] = [
  "queueLimit",
  "engines.embedded.adapters",
  "pause.quietHours",
  "pause.whenGpuTaken",
  "pause.ignore",
  "pause.graceSeconds",
  "metrics.port",
  "log.format",
];

/**
 * Between two looks at the file, in ms. Looking works on every file system, which being told does not. A file is read once
 * two looks found it the same: many editors empty it before they write it.
 */
const LOOK_MS = 2_000;

/** The settings whose values differ. */
export function changedSettings(before: NodeConfig, after: NodeConfig): string[] {
  return SETTINGS.map(({ path }) => path).filter(
    (path) => !isDeepStrictEqual(valueAt(before, path), valueAt(after, path)),
  );
}

/**
 * Takes a changed file over while the daemon runs, and says what that changed. A file that is wrong changes nothing.
 *
 * @param apply receives the whole configuration; only live settings differ from what was in force
 */
export function watchConfig(options: {
  place: ConfigPlace;
  config: NodeConfig;
  apply: (config: NodeConfig) => void;
  log: Log;
  lookMs?: number;
}): { close(): void } {
  const { place, log } = options;
  let current = options.config;

  const reload = async (): Promise<void> => {
    let next: NodeConfig;
    try {
      ({ config: next } = await loadConfig(place));
    } catch (error) {
      if (!(error instanceof NodeProblem)) throw error;
      log("error", `${error.message} Until then the settings stay as they were.`);
      return;
    }
    const changed = changedSettings(current, next);
    current = next;
    const live = changed.filter((path) => LIVE_SETTINGS.includes(path));
    const later = changed.filter((path) => !LIVE_SETTINGS.includes(path));
    if (live.length > 0) {
      options.apply(next);
      log("info", `Settings changed: ${live.map((path) => describe(next, path)).join(", ")}.`);
    }
    if (later.length > 0) {
      log("warn", `Settings changed that take effect at the next start: ${later.join(", ")}.`);
    }
  };
  let taken = stampOf(place.path);
  let seen = taken;
  let reading: Promise<void> = Promise.resolve();
  const look = (): void => {
    const stamp = stampOf(place.path);
    const isWritten = stamp === seen;
    seen = stamp;
    if (!isWritten || stamp === taken) return;
    taken = stamp;
    reading = reading
      .then(reload)
      .catch((error: unknown) => log("error", `Reading ${place.path} failed: ${String(error)}`));
  };
  const timer = setInterval(look, options.lookMs ?? LOOK_MS).unref();
  return { close: () => clearInterval(timer) };
}

/** What tells one state of a file from another, one that cannot be looked at included: reading it says why. */
function stampOf(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    return String(error);
  }
}

function describe(config: NodeConfig, path: string): string {
  return `${path} is ${JSON.stringify(valueAt(config, path) ?? null)}`;
}
