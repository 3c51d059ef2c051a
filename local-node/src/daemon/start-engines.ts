import { createAttachEngine } from "../engines/attach/attach.ts";
import { createEmbeddedEngine } from "../engines/embedded/embedded.ts";
import type { Engine } from "../engines/engine.ts";
import type { EnsuredModel } from "../models/ensure-model.ts";
import { parseSize } from "../models/parse-size.ts";
import type { NodeConfig } from "./config/schema.ts";
import type { Log } from "./log.ts";
import type { NodePaths } from "./paths.ts";

/**
 * Starts what the configuration names, one after the other; each is handed over as soon as it runs.
 * @throws {NodeError} when the model cannot be loaded
 */
export async function startEngines(options: {
  config: NodeConfig;
  model: EnsuredModel | null;
  paths: NodePaths;
  log: Log;
  add: (engine: Engine) => void;
}): Promise<void> {
  const { config, model, log, add } = options;
  for (const attached of config.engines.attach) {
    add(
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
  add(engine);
  const [served] = engine.models();
  log("info", `Serving ${model.id} on ${engine.runtime()?.gpu ?? "the CPU"}.`, {
    model: model.id,
    slots: engine.slots(),
    tokensPerSecond: served?.tokensPerSecond ?? null,
  });
}

/** Undefined: the owner wants none. */
function promptCache(config: NodeConfig, paths: NodePaths): { folder: string; maxBytes: number } | undefined {
  const maxBytes = parseSize(config.engines.embedded.promptCache);
  return maxBytes === null ? undefined : { folder: paths.prompts, maxBytes };
}
