import { modelCacheFolder } from "../models/cache-folder.ts";
import { type EnsuredModel, ensureHeldModel } from "../models/ensure-model.ts";
import type { Hold } from "../models/in-use.ts";
import { ModelError } from "../models/model-error.ts";
import { createNetwork } from "../models/network.ts";
import { parseSize } from "../models/parse-size.ts";
import { NodeError } from "../serve/contract.ts";
import type { Identity } from "../tunnel/identity.ts";
import type { ConfigPlace } from "./config/load-config.ts";
import type { NodeConfig } from "./config/schema.ts";
import { watchConfig } from "./config/watch-config.ts";
import type { Console } from "./console.ts";
import { NodeProblem } from "./node-problem.ts";
import type { NodePaths } from "./paths.ts";
import { betterModelHint, type LazyGpus, lazyGpus, pickModel, wholeHardware } from "./pick-model.ts";
import { type Daemon, startDaemon } from "./start-daemon.ts";
import { describeModel, type NodeModel } from "./start-engines.ts";
import { listenForStop, type StopSignals } from "./stop-signals.ts";

/** How long running calls may take after a signal, in ms. */
const DRAIN_MS = 10_000;

/** What the parent process (`npm start`) is told over IPC. */
export type ParentNotice =
  | { type: "ready"; models: string[] }
  /** The model that would be better on this machine. */
  | { type: "hint"; message: string };

/**
 * Runs the node until a signal, the loss of its parent, or the gateway ends it. Returns after everything is closed.
 * @throws {NodeProblem} with the exit code of what went wrong
 */
export async function runNode(options: {
  config: NodeConfig;
  /** Where the configuration is read again when its file changes. */
  configPlace: ConfigPlace;
  identity: Identity;
  paths: NodePaths;
  env: Record<string, string | undefined>;
  console: Console;
}): Promise<void> {
  const { console } = options;
  console.useFormat(options.config.log.format);
  const cancel = new AbortController();
  const over = new AbortController();
  const signals = listenForStop({
    atOnce: () => {
      console.end();
      // Children hold an IPC channel to this process and end when it closes.
      process.exit(130);
    },
  });
  const holds: Hold[] = [];
  try {
    const stopped = signals.first.then(() => cancel.abort());
    stopped.catch(() => undefined);
    const gpus = lazyGpus(over.signal);
    const model = await obtainModel({ ...options, gpus, signal: cancel.signal });
    if (model) holds.push(model.hold);
    // Loading takes long and cannot be interrupted; the child that loads ends with this process.
    const daemon = await Promise.race([startDaemon({ ...options, model, log: console.log }), stopped]);
    if (daemon) {
      const offered = offerMore({ ...options, daemon, holds, over: over.signal });
      await serveUntilStopped({ ...options, daemon, model, gpus, signals, over: over.signal });
      over.abort();
      await offered;
    }
  } catch (error) {
    if (cancel.signal.aborted && error instanceof ModelError && error.code === "cancelled") return;
    if (error instanceof NodeError && error.code === "does_not_fit")
      throw new NodeProblem("no_model", error.message, error);
    throw error;
  } finally {
    over.abort();
    await Promise.all(holds.map((hold) => hold.release()));
    signals.dispose();
    console.end();
  }
}

async function obtainModel(options: {
  config: NodeConfig;
  env: Record<string, string | undefined>;
  console: Console;
  gpus: LazyGpus;
  signal: AbortSignal;
}): Promise<(NodeModel & { hold: Hold }) | null> {
  const { config, env, console } = options;
  const embedded = config.engines.embedded;
  if (!embedded.enabled) return null;
  const cacheDir = modelCacheFolder(env);
  const network = createNetwork(env);
  try {
    const picked = await pickModel({
      wanted: embedded.model,
      cacheDir,
      gpus: options.gpus,
    });
    const model = await ensureHeldModel({
      reference: picked.reference,
      cacheDir,
      fetch: network.fetch,
      env,
      quotaBytes: parseSize(config.cache.quota),
      signal: options.signal,
      onProgress: console.progress,
      log: (line) => console.log("info", line),
    });
    return { ...(await describeModel(model)), hold: model.hold };
  } catch (error) {
    if (!(error instanceof ModelError) || error.code === "cancelled") throw error;
    if (config.engines.attach.length > 0) {
      console.log("error", `${error.message} Only the attached engines are served.`);
      return null;
    }
    throw new NodeProblem("no_model", error.message, error);
  } finally {
    await network.close();
  }
}

/** The further models become available one by one, and are fetched first where need be, while the node serves. */
async function offerMore(options: {
  config: NodeConfig;
  env: Record<string, string | undefined>;
  console: Console;
  daemon: Daemon;
  holds: Hold[];
  over: AbortSignal;
}): Promise<void> {
  const { config, env, console, over } = options;
  const { enabled, more } = config.engines.embedded;
  if (!enabled || more.length === 0) return;
  const network = createNetwork(env);
  for (const reference of more) {
    try {
      const model = await ensureHeldModel({
        reference,
        cacheDir: modelCacheFolder(env),
        fetch: network.fetch,
        env,
        quotaBytes: parseSize(config.cache.quota),
        signal: over,
        log: (line) => console.log("info", line),
      });
      options.holds.push(model.hold);
      options.daemon.offer(await describeModel(model));
    } catch (error) {
      if (over.aborted) break;
      console.log(
        "error",
        `${reference} is not available: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
  await network.close();
}

async function serveUntilStopped(options: {
  config: NodeConfig;
  configPlace: ConfigPlace;
  daemon: Daemon;
  model: EnsuredModel | null;
  env: Record<string, string | undefined>;
  console: Console;
  gpus: LazyGpus;
  signals: StopSignals;
  over: AbortSignal;
}): Promise<void> {
  const { daemon, console, signals } = options;
  console.live(daemon.status);
  const introduced = introduce(options);
  introduced.catch((error: unknown) =>
    console.log("warn", `Looking at the hardware failed: ${String(error)}`),
  );
  const watching = watchConfig({
    place: options.configPlace,
    config: options.config,
    apply: (config) => {
      console.useFormat(config.log.format);
      daemon.configure(config);
    },
    log: console.log,
  });
  const outcome = await Promise.race([
    signals.first.then((by) => ({ by })),
    daemon.ended.then((end) => ({ by: "gateway" as const, ...end })),
  ]);
  watching.close();
  if (outcome.by === "signal")
    console.log("info", "Stopping: running calls may finish.", { drainMs: DRAIN_MS });
  await daemon.stop(outcome.by === "signal" ? DRAIN_MS : 0);
  if (outcome.by === "gateway") throw new NodeProblem("refused", outcome.message);
}

/** After the connection stands: what is served, to the parent; then the GPUs and the better model, at leisure. */
async function introduce(options: {
  daemon: Daemon;
  model: EnsuredModel | null;
  env: Record<string, string | undefined>;
  console: Console;
  gpus: LazyGpus;
  over: AbortSignal;
}): Promise<void> {
  await options.daemon.connected;
  notifyParent({ type: "ready", models: options.daemon.status().state.models.map((model) => model.id) });
  options.daemon.setHardware(await wholeHardware(options.gpus));
  if (!options.model || options.over.aborted) return;
  const hint = await betterModelHint({
    servedId: options.model.id,
    cacheDir: modelCacheFolder(options.env),
    gpus: options.gpus,
  });
  if (hint === null) return;
  options.console.log("info", hint);
  notifyParent({ type: "hint", message: hint });
}

function notifyParent(notice: ParentNotice): void {
  if (process.connected) process.send?.(notice);
}
