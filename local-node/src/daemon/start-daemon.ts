import { createMemoryKeeper } from "../engines/on-demand/memory-keeper.ts";
import { detectHost, type Hardware } from "../hardware/hardware.ts";
import { modelCacheFolder } from "../models/cache-folder.ts";
import { parseSize } from "../models/parse-size.ts";
import { createServe } from "../serve/serve.ts";
import { type Identity, saveIdentity } from "../tunnel/identity.ts";
import { openTunnel, type StopReason } from "../tunnel/open-tunnel.ts";
import type { NodeConfig } from "./config/schema.ts";
import { serveControl } from "./control.ts";
import { describeTunnelEvent } from "./describe-tunnel-event.ts";
import { createEngineSet } from "./engine-set.ts";
import { followPause } from "./follow-pause.ts";
import { createGpuLook } from "./gpu-look.ts";
import type { Log } from "./log.ts";
import { createMetrics, keepMetricsServer } from "./metrics.ts";
import { nodeState } from "./node-state.ts";
import type { NodePaths } from "./paths.ts";
import { createPauseControl } from "./pause-control.ts";
import { type NodeModel, onDemandEngine, startEngines } from "./start-engines.ts";
import type { DaemonStatus } from "./status.ts";
import { watchVitals } from "./vitals.ts";
import { watchAdapters } from "./watch-adapters.ts";

export interface Daemon {
  status(): DaemonStatus;
  /** The gateway's view of the machine changes when the GPUs are known. */
  setHardware(hardware: Hardware): void;
  /** Makes a further model available; it is loaded when a call names it. */
  offer(model: NodeModel): void;
  /** Takes over the settings that a running daemon can change. */
  configure(config: NodeConfig): void;
  /** Resolves when the tunnel is open for the first time. */
  connected: Promise<void>;
  /** Resolves when the tunnel has ended for good, with the reason. */
  ended: Promise<{ reason: StopReason; message: string }>;
  /** Takes no new calls, lets running ones finish within `ms`, then ends everything. */
  stop(ms: number): Promise<void>;
}

/**
 * Puts the node together: engines, queue, tunnel, status. The model's file must be there already.
 * @throws {NodeError} when the model cannot be loaded
 * @throws {NodeProblem} `already_running`
 */
export async function startDaemon(options: {
  config: NodeConfig;
  identity: Identity;
  paths: NodePaths;
  model: NodeModel | null;
  env: Record<string, string | undefined>;
  log: Log;
  now?: () => number;
}): Promise<Daemon> {
  const { identity, log } = options;
  let { config } = options;
  const startedAt = (options.now ?? Date.now)();
  let hardware: Hardware = { ...detectHost(), gpus: [] };
  let draining = false;
  let tunnel: ReturnType<typeof openTunnel> | null = null;
  let follower: ReturnType<typeof followPause> | null = null;
  const more: NodeModel[] = [];
  const keeper = createMemoryKeeper({ log, limitBytes: parseSize(config.engines.embedded.memory) });
  const adapters = watchAdapters({
    config: () => config.engines.embedded.adapters,
    cacheDir: modelCacheFolder(options.env),
    onChange: (modelId, found) => {
      const engine = engines.list().find((one) => one.models()[0]?.id === modelId);
      if (engine?.setAdapters !== undefined) engine.setAdapters(found);
      else if (engine !== undefined && found.length > 0)
        log("warn", `The adapters of ${modelId} are not served: only the embedded engine has them.`);
    },
    log,
  });
  const engines = createEngineSet({
    open: (add) => startEngines({ ...options, config, more, keeper, adapters: adapters.of, add }),
    onChange: () => serve.refresh(),
  });
  const connected = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<{ reason: StopReason; message: string }>();

  const serve = createServe({
    engines: engines.list,
    queueLimit: () => config.queueLimit,
    clock: () => performance.now(),
    onInternalError: (error) =>
      log("error", "A call failed for a reason of the node's own.", { cause: String(error) }),
    onCall: (call) => {
      vitals.onCall(call);
      metrics.onCall(call);
    },
    measure: (engine) => vitals.measure(engine),
  });
  const vitals = watchVitals({
    engines: engines.list,
    gpus: () => hardware.gpus,
    writtenTokens: serve.writtenTokens,
  });
  const changed = () => {
    vitals.refresh();
    tunnel?.stateChanged();
  };
  serve.onChange(changed);
  const metrics = createMetrics({ status: () => status() });
  const metricsServer = keepMetricsServer({ metrics, log });
  const pauses = await createPauseControl({
    path: options.paths.pause,
    config: () => config.pause,
    look: createGpuLook({
      calls: () => vitals.read().calls.total,
      busy: () => serve.load().busy,
      pids: () => engines.list().flatMap((engine) => engine.placement().pids),
    }),
    onChange: (pause) => {
      follower?.set(pause);
      changed();
    },
    log,
  });
  const state = () =>
    nodeState({
      models: engines.models(),
      load: serve.load(),
      hardware,
      draining,
      paused: pauses.current() !== null,
    });
  const status = (): DaemonStatus => ({
    pid: process.pid,
    startedAt,
    gatewayUrl: identity.gatewayUrl,
    node: { id: identity.nodeId, name: identity.name, projects: identity.projects },
    tunnel: tunnel?.status() ?? { phase: "connecting", activeCalls: 0, lastError: null },
    state: state(),
    paused: pauses.current(),
    vitals: vitals.read(),
  });
  // The socket comes before the engines: it is also the lock against a second daemon on this folder.
  const control = await serveControl({
    socket: options.paths.socket,
    handle: (request) => {
      if (request.command === "pause") pauses.pause(request.forMs);
      if (request.command === "resume") pauses.resume();
      return status();
    },
  }).catch((error) => {
    adapters.close();
    vitals.close();
    pauses.close();
    throw error;
  });
  const closeRest = async (): Promise<void> => {
    adapters.close();
    vitals.close();
    pauses.close();
    follower?.close();
    await engines.close();
    await Promise.allSettled([metricsServer.close(), control.close()]);
  };

  try {
    if (options.model !== null) await adapters.add(options.model, true);
    const paused = pauses.current();
    if (paused === null) await engines.start();
    follower = followPause({
      pause: paused,
      serve,
      engines,
      graceMs: () => config.pause.graceSeconds * 1000,
      log,
    });
    // It may have been told so while the engines started.
    follower.set(pauses.current());
    metricsServer.setPort(config.metrics.port);
    tunnel = openTunnel({
      gatewayUrl: identity.gatewayUrl,
      identity,
      saveIdentity: (next) => saveIdentity(options.paths.identity, next),
      handler: serve.handle,
      state,
      allowInsecureLan: config.allowInsecureLan,
      onEvent: (event) => {
        const { level, message, fields } = describeTunnelEvent(event);
        log(level, message, fields);
        if (event.type === "connected") connected.resolve();
        if (event.type === "stopped") ended.resolve({ reason: event.reason, message: event.message });
      },
    });
  } catch (error) {
    await closeRest();
    throw error;
  }
  const opened = tunnel;

  return {
    status,
    setHardware: (next) => {
      hardware = next;
      changed();
    },
    offer: (model) => {
      more.push(model);
      engines.add(
        onDemandEngine({
          config,
          model,
          keepWarm: false,
          paths: options.paths,
          keeper,
          adapters: adapters.of,
          log,
        }),
      );
      void adapters.add(model, false);
      log("info", `${model.id} is available, and loaded when a call names it.`, { model: model.id });
    },
    configure: (next) => {
      config = next;
      metricsServer.setPort(config.metrics.port);
      void adapters.look();
      pauses.refresh().catch((error: unknown) => log("warn", `Looking at the GPU failed: ${String(error)}`));
      changed();
    },
    connected: connected.promise,
    ended: ended.promise,
    stop: async (ms) => {
      draining = true;
      changed();
      const idle = serve.drain();
      // Refusing new calls is what matters here; waiting for the running ones is the tunnel's part, with its limit.
      idle.catch((error: unknown) => log("warn", `Draining failed: ${String(error)}`));
      if (ms > 0) await opened.drain(ms);
      else await opened.close();
      await closeRest();
    },
  };
}
