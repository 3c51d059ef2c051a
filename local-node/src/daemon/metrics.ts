import { createServer, type ServerResponse } from "node:http";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { reasonOf } from "../models/model-error.ts";
import type { CallRecord } from "../serve/call-record.ts";
import type { Log } from "./log.ts";
import type { DaemonStatus } from "./status.ts";
import { VERSION } from "./version.ts";

export interface Metrics {
  onCall(call: CallRecord): void;
  /** Prometheus' text format, version 0.0.4, with its content type. */
  render(): Promise<{ contentType: string; text: string }>;
}

/** Seconds. From a cached answer to a long one of a slow machine. */
const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/** The daemon's own metrics and those of its process. Names of models are labels; nothing is of a call's content. */
export function createMetrics(options: { status: () => DaemonStatus }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: "routelet_node_" });
  collectState(registry, options.status);
  const calls = new Counter({
    name: "routelet_node_calls_total",
    help: "Calls that have ended, by model and outcome (ok, or the code of the error).",
    labelNames: ["model", "priority", "outcome"],
    registers,
  });
  const tokens = new Counter({
    name: "routelet_node_tokens_total",
    help: "Tokens of ended calls: of prompts, of those the ones that were still in a slot, and written.",
    labelNames: ["model", "kind"],
    registers,
  });
  const energy = new Counter({
    name: "routelet_node_energy_joules_total",
    help: "Energy of ended calls whose energy is known.",
    labelNames: ["model"],
    registers,
  });
  const unknownEnergy = new Counter({
    name: "routelet_node_energy_unknown_calls_total",
    help: "Ended calls whose energy is not known.",
    labelNames: ["model"],
    registers,
  });
  const histogram = (name: string, help: string) =>
    new Histogram({ name, help, labelNames: ["model"], buckets: SECONDS, registers });
  const queue = histogram("routelet_node_queue_seconds", "Time in the queue.");
  const firstToken = histogram(
    "routelet_node_first_token_seconds",
    "From a call's receipt to its first token.",
  );
  const duration = histogram("routelet_node_call_seconds", "From a call's receipt to its end.");

  return {
    onCall: (call) => {
      const { model } = call;
      calls.inc({ model, priority: call.priority, outcome: call.outcome });
      const kinds = { prompt: call.promptTokens, reused: call.reusedTokens, written: call.completionTokens };
      for (const [kind, count] of Object.entries(kinds))
        if (count !== null) tokens.inc({ model, kind }, count);
      if (call.energyJoules === null) unknownEnergy.inc({ model });
      else energy.inc({ model }, call.energyJoules);
      queue.observe({ model }, call.queueMs / 1000);
      if (call.firstTokenMs !== null) firstToken.observe({ model }, call.firstTokenMs / 1000);
      duration.observe({ model }, call.durationMs / 1000);
    },
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

/** What is so now, asked for at each scrape. */
function collectState(registry: Registry, status: () => DaemonStatus): void {
  const gauge = (
    name: string,
    help: string,
    labelNames: string[],
    rows: (status: DaemonStatus) => [Record<string, string>, number | null][],
  ): void => {
    new Gauge({
      name: `routelet_node_${name}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const [labels, value] of rows(status())) if (value !== null) this.set(labels, value);
      },
    });
  };
  const one = (value: (status: DaemonStatus) => number | null) => (now: DaemonStatus) =>
    [[{}, value(now)]] as [Record<string, string>, number | null][];
  gauge("info", "1, with the daemon's version.", ["version"], () => [[{ version: VERSION }, 1]]);
  gauge(
    "connected",
    "Whether the tunnel to the gateway is open.",
    [],
    one(({ tunnel }) => Number(tunnel.phase === "connected")),
  );
  gauge(
    "slots",
    "Calls that can run at once.",
    [],
    one(({ state }) => state.slots.total),
  );
  gauge(
    "slots_busy",
    "Calls that run.",
    [],
    one(({ state }) => state.slots.busy),
  );
  gauge(
    "queue_calls",
    "Calls that wait.",
    [],
    one(({ state }) => state.slots.queued),
  );
  gauge(
    "queue_limit",
    "Calls that may wait.",
    [],
    one(({ state }) => state.slots.queueLimit),
  );
  gauge(
    "written_tokens_per_second",
    "Over the last seconds.",
    [],
    one(({ vitals }) => vitals.tokensPerSecond),
  );
  gauge("memory_bytes", "Memory of the daemon's process and of the models'.", ["of"], ({ vitals }) => [
    [{ of: "daemon" }, vitals.memory.daemonBytes],
    [{ of: "models" }, vitals.memory.modelBytes],
  ]);
  gauge("model_loaded", "Whether a model is in memory.", ["model", "engine"], ({ state }) =>
    state.models.map((model) => [{ model: model.id, engine: model.engine }, Number(model.loaded)]),
  );
  const ofGpus =
    (value: (gpu: NonNullable<DaemonStatus["vitals"]["gpus"]>[number]) => number | null) =>
    ({ vitals }: DaemonStatus): [Record<string, string>, number | null][] =>
      (vitals.gpus ?? []).map((gpu, index) => [{ gpu: String(index), name: gpu.name }, value(gpu)]);
  const labels = ["gpu", "name"];
  gauge(
    "gpu_power_watts",
    "Power of the board.",
    labels,
    ofGpus((gpu) => gpu.powerWatts),
  );
  gauge(
    "gpu_temperature_celsius",
    "Temperature.",
    labels,
    ofGpus((gpu) => gpu.temperatureCelsius),
  );
  gauge(
    "gpu_utilization_percent",
    "Share of time that anything computed.",
    labels,
    ofGpus((gpu) => gpu.utilizationPercent),
  );
  gauge(
    "gpu_memory_used_bytes",
    "Memory in use, whoever uses it.",
    labels,
    ofGpus((gpu) => gpu.memoryUsedBytes),
  );
}

/** The names by which a program on this machine calls it. Another means that a web page was made to ask. */
const LOOPBACK_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i;

/**
 * `GET /metrics` on loopback only.
 *
 * @param port 0 takes a free one
 * @throws Error of the system, for example when the port is taken
 */
export async function serveMetrics(options: {
  port: number;
  metrics: Metrics;
}): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    if (!LOOPBACK_HOST.test(request.headers.host ?? ""))
      return answer(response, 403, "Only this machine may ask.\n");
    if (request.url !== "/metrics") return answer(response, 404, "There is only /metrics.\n");
    if (request.method !== "GET" && request.method !== "HEAD") return answer(response, 405, "Only GET.\n");
    options.metrics.render().then(
      ({ contentType, text }) => answer(response, 200, text, contentType),
      () => answer(response, 500, "The metrics could not be gathered.\n"),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, "127.0.0.1", resolve);
  });
  server.unref();
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Serves the metrics on the port that is set, which may change. */
export function keepMetricsServer(options: { metrics: Metrics; log: Log }): {
  setPort(port: number): void;
  close(): Promise<void>;
} {
  const { log } = options;
  let wanted = 0;
  let running: { port: number; close(): Promise<void> } | null = null;
  let work = Promise.resolve();

  const follow = async (): Promise<void> => {
    if (running?.port === wanted || (running === null && wanted === 0)) return;
    await running?.close();
    running = null;
    if (wanted === 0) return;
    try {
      running = await serveMetrics({ port: wanted, metrics: options.metrics });
      log("info", `Metrics are at http://127.0.0.1:${wanted}/metrics.`, { port: wanted });
    } catch (error) {
      log(
        "error",
        `Metrics cannot be served on port ${wanted} (${reasonOf(error)}). Set metrics.port to another one.`,
      );
    }
  };
  const set = (port: number): Promise<void> => {
    wanted = port;
    work = work.then(follow);
    return work;
  };
  return {
    setPort: (port) => {
      set(port).catch((error: unknown) => log("error", `Metrics cannot be served: ${reasonOf(error)}`));
    },
    close: () => set(0),
  };
}

function answer(
  response: ServerResponse,
  status: number,
  text: string,
  type = "text/plain; charset=utf-8",
): void {
  response.writeHead(status, { "content-type": type }).end(text);
}
