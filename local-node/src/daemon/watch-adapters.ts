import type { Adapter } from "../models/adapter.ts";
import type { NodeConfig } from "./config/schema.ts";
import { listAdapterFiles, readAdapters } from "./find-adapters.ts";
import type { Log } from "./log.ts";
import type { NodeModel } from "./start-engines.ts";

/**
 * Between two looks, in ms. Looking works on every file system, which being told does not. A file is read once two looks
 * found it the same: it may still be copied.
 */
const LOOK_MS = 2_000;

export interface AdapterWatch {
  /** What the model has now. */
  of(modelId: string): readonly Adapter[];
  /** Looks at a model that has come, and at what is there for it. */
  add(model: NodeModel, isMain: boolean): Promise<void>;
  /** The configuration has changed. */
  look(): Promise<void>;
  close(): void;
}

/** Keeps the adapters of models up to date: with the configuration, and with the files on disk. */
export function watchAdapters(options: {
  config: () => NodeConfig["engines"]["embedded"]["adapters"];
  cacheDir: string;
  /** Told whenever the adapters of a model are others. */
  onChange: (modelId: string, adapters: readonly Adapter[]) => void;
  log: Log;
  lookMs?: number;
}): AdapterWatch {
  const { log } = options;
  const watched = new Map<
    string,
    { model: NodeModel; isMain: boolean; seen: string; taken: string; adapters: readonly Adapter[] }
  >();
  let turn: Promise<void> = Promise.resolve();

  const lookAt = async (id: string, atOnce: boolean): Promise<void> => {
    const one = watched.get(id);
    if (one === undefined) return;
    const files = await listAdapterFiles({
      configured: options.config(),
      cacheDir: options.cacheDir,
      modelId: id,
      isMain: one.isMain,
    });
    const now = JSON.stringify(files);
    const isWritten = atOnce || now === one.seen;
    one.seen = now;
    if (!isWritten || now === one.taken) return;
    one.taken = now;
    one.adapters = await readAdapters(files, one.model, log);
    if (one.adapters.length > 0)
      log("info", `${id} has the adapters ${one.adapters.map(({ name }) => name).join(", ")}.`, {
        model: id,
      });
    options.onChange(id, one.adapters);
  };
  const lookAtAll = (atOnce: boolean): Promise<void> => {
    turn = turn
      .then(async () => {
        for (const id of watched.keys()) await lookAt(id, atOnce);
      })
      .catch((error: unknown) => log("error", `Looking for adapters failed: ${String(error)}`));
    return turn;
  };
  const timer = setInterval(() => void lookAtAll(false), options.lookMs ?? LOOK_MS).unref();

  return {
    of: (modelId) => watched.get(modelId)?.adapters ?? [],
    add(model, isMain) {
      if (model.kind === "chat")
        watched.set(model.id, { model, isMain, seen: "[]", taken: "[]", adapters: [] });
      return lookAtAll(true);
    },
    look: () => lookAtAll(true),
    close: () => clearInterval(timer),
  };
}
