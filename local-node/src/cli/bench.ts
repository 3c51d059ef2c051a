import { type EngineFigures, measureEngine } from "../bench/measure-engine.ts";
import { loadConfig } from "../daemon/config/load-config.ts";
import { askStatus } from "../daemon/control.ts";
import { nodeCommand } from "../daemon/node-command.ts";
import { NodeProblem } from "../daemon/node-problem.ts";
import { lazyGpus, pickModel } from "../daemon/pick-model.ts";
import { createAttachEngine } from "../engines/attach/attach.ts";
import { createEmbeddedEngine } from "../engines/embedded/embedded.ts";
import type { Engine } from "../engines/engine.ts";
import { createGpuWatch } from "../hardware/gpu-watch.ts";
import { residentBytes } from "../hardware/process-memory.ts";
import { modelCacheFolder } from "../models/cache-folder.ts";
import { humanBytes } from "../models/disk.ts";
import { ensureModel } from "../models/ensure-model.ts";
import { createNetwork } from "../models/network.ts";
import type { Command, CommandContext } from "./command.ts";

const STREAMS = [1, 4, 8, 16];
const TOKENS = 64;
/** Enough for the prompts and answers of the benchmark. */
const CONTEXT_TOKENS = 2_048;

interface Row extends EngineFigures {
  engine: string;
  /** What computes; null: not known. */
  device: string | null;
  /** Of the model's process; null: not known. */
  memoryBytes: number | null;
}

export const bench: Command = {
  name: "bench",
  description:
    "Measure this machine: prompt speed, tokens/s at 1, 4, 8 and 16 streams, first token, memory, energy.",
  options: [
    { flags: "--model <reference>", description: "another model than the configured one" },
    {
      flags: "--against <url>",
      description: "measure a server that runs too, for example llama-server: http://127.0.0.1:8080/v1",
    },
    { flags: "--streams <list>", description: "calls at once to try, at most 16 (default: 1,4,8,16)" },
    { flags: "--json", description: "as JSON" },
  ],
  run: async (context, _args, options) => {
    const running = await askStatus(context.paths.socket);
    if (running !== null && running.paused === null) {
      throw new NodeProblem(
        "failed",
        `A daemon serves on this machine and would be measured as well. Run ${nodeCommand("pause")} first, and ${nodeCommand("resume")} afterwards.`,
      );
    }
    const streams = typeof options.streams === "string" ? parseStreams(options.streams) : STREAMS;
    const model = typeof options.model === "string" ? options.model : null;
    const rows = [await measureOwn(context, model, streams)];
    if (typeof options.against === "string") rows.push(await measureServer(options.against, streams));
    if (options.json) return context.print(JSON.stringify(rows));
    for (const line of rows.flatMap(benchLines)) context.print(line);
  },
};

/** @throws {NodeProblem} */
function parseStreams(text: string): number[] {
  const counts = text.split(",").map(Number);
  if (counts.every((count) => Number.isInteger(count) && count >= 1 && count <= 16)) return counts;
  throw new NodeProblem("failed", `--streams ${text} is no list of numbers from 1 to 16. Write 1,4,8.`);
}

async function measureOwn(
  context: CommandContext,
  wanted: string | null,
  streams: readonly number[],
): Promise<Row> {
  const { env, console } = context;
  const { config } = await loadConfig({ path: context.paths.config, env, flags: {} });
  const cacheDir = modelCacheFolder(env);
  const picked = await pickModel({
    wanted: wanted ?? config.engines.embedded.model,
    cacheDir,
    gpus: lazyGpus(),
  });
  const network = createNetwork(env);
  const model = await ensureModel({
    reference: picked.reference,
    cacheDir,
    fetch: network.fetch,
    env,
    onProgress: console.progress,
    log: (line) => console.log("info", line),
  }).finally(() => network.close());
  console.end();
  const engine = await createEmbeddedEngine({
    modelId: model.id,
    modelPath: model.path,
    fileSha256: model.sha256,
    quantisation: model.quantisation ?? null,
    sequences: Math.max(...streams),
    contextTokens: CONTEXT_TOKENS,
    log: (level, message) => console.log(level, message),
  });
  console.log("info", `Measuring ${model.id}; on a small machine this takes minutes.`);
  return measureAndClose(engine, "embedded", streams);
}

async function measureServer(url: string, streams: readonly number[]): Promise<Row> {
  if (!URL.canParse(url)) throw new NodeProblem("failed", `--against ${url} is not a URL.`);
  const engine = await createAttachEngine({ baseUrl: url, probe: false });
  if (engine.models().length === 0) {
    await engine.close();
    throw new NodeProblem("failed", `No OpenAI-compatible server with a model answers at ${url}.`);
  }
  return measureAndClose(engine, url, streams);
}

async function measureAndClose(engine: Engine, name: string, streams: readonly number[]): Promise<Row> {
  const gpuWatch = createGpuWatch();
  const { device, pids } = engine.placement();
  const onNvidia = device === "cuda";
  gpuWatch.want(onNvidia);
  try {
    const figures = await measureEngine({
      engine,
      streams,
      tokens: TOKENS,
      measure: () => (onNvidia ? gpuWatch.measure() : null),
      now: () => performance.now(),
    });
    return {
      engine: name,
      device,
      memoryBytes: pids.length === 0 ? null : await residentBytes(pids),
      ...figures,
    };
  } finally {
    gpuWatch.close();
    await engine.close();
  }
}

/** The figures of one engine as a table for people; a dash is what is not known. */
export function benchLines(row: Row): string[] {
  const shown = (value: number | null, digits: number): string => value?.toFixed(digits) ?? "-";
  return [
    `${row.model} on ${row.device ?? "a server"} (${row.engine})`,
    `  prompt   ${shown(row.promptTokensPerSecond, 0)} tokens/s`,
    `  memory   ${row.memoryBytes === null ? "-" : humanBytes(row.memoryBytes)}`,
    "  streams  tokens/s  first token (ms)  J/token",
    ...row.streams.map(
      ({ streams, tokensPerSecond, firstTokenMs, joulesPerToken }) =>
        `  ${String(streams).padStart(7)}  ${shown(tokensPerSecond, 1).padStart(8)}  ${shown(firstTokenMs, 0).padStart(16)}  ${shown(joulesPerToken, 2).padStart(7)}`,
    ),
    ...(row.skipped.length === 0
      ? []
      : [`  not run: ${row.skipped.join(", ")} streams, more than it runs at once`]),
  ];
}
