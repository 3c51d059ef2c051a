import { createAttachEngine } from "../engines/attach/attach.ts";
import { createEmbeddedEngine } from "../engines/embedded/embedded.ts";
import type { Engine } from "../engines/engine.ts";
import { detectHost, type Hardware } from "../hardware/hardware.ts";
import type { EnsuredModel } from "../models/ensure-model.ts";
import { parseSize } from "../models/parse-size.ts";
import { createServe } from "../serve/serve.ts";
import { type Identity, saveIdentity } from "../tunnel/identity.ts";
import { openTunnel, type StopReason } from "../tunnel/open-tunnel.ts";
import type { NodeConfig } from "./config/schema.ts";
import { serveControl } from "./control.ts";
import { describeTunnelEvent } from "./describe-tunnel-event.ts";
import type { Log } from "./log.ts";
import { createMetrics, keepMetricsServer } from "./metrics.ts";
import { nodeState } from "./node-state.ts";
import type { NodePaths } from "./paths.ts";
import type { DaemonStatus } from "./status.ts";
import { watchVitals } from "./vitals.ts";

export interface Daemon {
  status(): DaemonStatus;
  /** The gateway's view of the machine changes when the GPUs are known. */
  setHardware(hardware: Hardware): void;
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
  model: EnsuredModel | null;
  log: Log;
  now?: () => number;
}): Promise<Daemon> {
  const { identity, log } = options;
  let { config } = options;
  const startedAt = (options.now ?? Date.now)();
  let hardware: Hardware = { ...detectHost(), gpus: [] };
  let draining = false;
  const engines: Engine[] = [];
  const connected = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<{ reason: StopReason; message: string }>();

  const serve = createServe({
    engines: () => engines,
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
    engines: () => engines,
    gpus: () => hardware.gpus,
    writtenTokens: serve.writtenTokens,
  });
  const metrics = createMetrics({ status: () => status() });
  const metricsServer = keepMetricsServer({ metrics, log });
  const state = () => nodeState({ engines, load: serve.load(), hardware, draining });
  let tunnel: ReturnType<typeof openTunnel> | null = null;
  const status = (): DaemonStatus => ({
    pid: process.pid,
    startedAt,
    gatewayUrl: identity.gatewayUrl,
    node: { id: identity.nodeId, name: identity.name, projects: identity.projects },
    tunnel: tunnel?.status() ?? { phase: "connecting", activeCalls: 0, lastError: null },
    state: state(),
    vitals: vitals.read(),
  });
  // The socket comes before the engines: it is also the lock against a second daemon on this folder.
  const control = await serveControl({ socket: options.paths.socket, handle: status }).catch((error) => {
    vitals.close();
    throw error;
  });
  const changed = () => {
    vitals.refresh();
    tunnel?.stateChanged();
  };
  const closeRest = async (): Promise<void> => {
    vitals.close();
    await Promise.allSettled(engines.map((engine) => engine.close()));
    await Promise.allSettled([metricsServer.close(), control.close()]);
  };

  try {
    await startEngines({ config, model: options.model, paths: options.paths, log, engines });
    for (const engine of engines) engine.onChange(changed);
    serve.onChange(changed);
    serve.refresh();
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
    configure: (next) => {
      config = next;
      metricsServer.setPort(config.metrics.port);
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

/** Undefined: the owner wants none. */
function promptCache(config: NodeConfig, paths: NodePaths): { folder: string; maxBytes: number } | undefined {
  const maxBytes = parseSize(config.engines.embedded.promptCache);
  return maxBytes === null ? undefined : { folder: paths.prompts, maxBytes };
}

async function startEngines(options: {
  config: NodeConfig;
  model: EnsuredModel | null;
  paths: NodePaths;
  log: Log;
  engines: Engine[];
}): Promise<void> {
  const { config, model, log, engines } = options;
  for (const attached of config.engines.attach) {
    engines.push(
      await createAttachEngine({
        baseUrl: attached.url,
        apiKey: attached.apiKey,
        models: attached.models,
        probe: attached.probe,
        slots: attached.slots,
        log: (level, message) => log(level, message),
      }),
    );
  }
  if (!model) return;
  log("info", `Loading ${model.id}.`, { model: model.id, bytes: model.bytes });
  const engine = await createEmbeddedEngine({
    modelId: model.id,
    modelPath: model.path,
    fileSha256: model.sha256,
    quantisation: model.quantisation ?? null,
    sequences: config.engines.embedded.sequences,
    contextTokens: config.engines.embedded.contextTokens,
    prefixes: promptCache(config, options.paths),
    log: (level, message) => log(level, message),
  });
  engines.push(engine);
  const [served] = engine.models();
  log("info", `Serving ${model.id} on ${engine.runtime()?.gpu ?? "the CPU"}.`, {
    model: model.id,
    slots: engine.slots(),
    tokensPerSecond: served?.tokensPerSecond ?? null,
  });
}
