import type { Engine } from "../engines/engine.ts";
import { findLlamaServer } from "../engines/llama-server/find-server.ts";
import { createLlamaServerEngine } from "../engines/llama-server/llama-server.ts";
import { usableCores } from "../hardware/usable-cores.ts";
import type { EnsuredModel } from "../models/ensure-model.ts";
import { readGgufFile } from "../models/gguf.ts";
import type { NodeConfig } from "./config/schema.ts";
import type { Log } from "./log.ts";
import { NodeProblem } from "./node-problem.ts";

/** What it gets where the owner says nothing: it does not choose by the machine, as the bindings do. */
const DEFAULTS = { slots: 4, contextTokens: 8_192 };

/**
 * Loads a model into the owner's own llama-server.
 * @throws {NodeError} when it cannot be loaded
 * @throws {NodeProblem} `failed` when there is no llama-server
 */
export async function startLlamaServer(options: {
  config: NodeConfig;
  model: EnsuredModel;
  env: Record<string, string | undefined>;
  log: Log;
}): Promise<Engine> {
  const { config, model, env, log } = options;
  const { embedded, llamaServer } = config.engines;
  const binary = await findLlamaServer({ configured: llamaServer.binary, env });
  if (binary === null) {
    throw new NodeProblem(
      "failed",
      llamaServer.binary === undefined
        ? "There is no llama-server on PATH. Install llama.cpp, set engines.llamaServer.binary to its path, or engines.llamaServer.enabled to false."
        : `engines.llamaServer.binary names ${llamaServer.binary}, which cannot be run.`,
    );
  }
  const trained = (await readGgufFile(model.path)).contextTokens ?? DEFAULTS.contextTokens;
  log("info", `Loading ${model.id}.`, { model: model.id, bytes: model.bytes });
  const engine = await createLlamaServerEngine({
    binary,
    modelId: model.id,
    modelPath: model.path,
    fileSha256: model.sha256,
    quantisation: model.quantisation ?? null,
    slots: embedded.sequences ?? DEFAULTS.slots,
    contextTokens: embedded.contextTokens ?? Math.min(trained, DEFAULTS.contextTokens),
    threads: usableCores(),
    args: llamaServer.args,
    log: (level, message) => log(level, message),
  });
  log("info", `Serving ${model.id} on llama-server ${engine.runtime()?.build ?? ""}`.trim(), {
    model: model.id,
    slots: engine.slots(),
  });
  return engine;
}
