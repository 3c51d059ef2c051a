import { setTimeout } from "node:timers/promises";
import { createAttachEngine } from "../engines/attach/attach.ts";
import { capabilitiesOf, createEmbeddedEngine } from "../engines/embedded/embedded.ts";
import type { Engine } from "../engines/engine.ts";
import type { MemoryKeeper } from "../engines/on-demand/memory-keeper.ts";
import { createOnDemandEngine, type OnDemandEngine } from "../engines/on-demand/on-demand.ts";
import type { Adapter } from "../models/adapter.ts";
import type { EnsuredModel } from "../models/ensure-model.ts";
import { readGgufFile } from "../models/gguf.ts";
import { type ModelKind, modelKind } from "../models/model-kind.ts";
import { parseSize } from "../models/parse-size.ts";
import type { NodeConfig } from "./config/schema.ts";
import type { Log } from "./log.ts";
import type { NodePaths } from "./paths.ts";
import { startLlamaServer } from "./start-llama-server.ts";

/** What an attached engine can do is waited for this long. */
const KNOWN_WITHIN_MS = 3_000;

/** A model whose file is there, and what it is for. */
export interface NodeModel extends EnsuredModel {
  kind: ModelKind;
}

/** @throws {ModelError} `not_a_model` */
export async function describeModel(model: EnsuredModel): Promise<NodeModel> {
  const gguf = await readGgufFile(model.path);
  return {
    ...model,
    quantisation: model.quantisation ?? gguf.quantisation ?? undefined,
    kind: modelKind(gguf),
  };
}

/**
 * Starts what the configuration names, one after the other; each is handed over as soon as it runs.
 * @throws {NodeProblem} `failed` when there should be a llama-server and is none
 * @throws {NodeError} when the model cannot be loaded
 */
export async function startEngines(options: {
  config: NodeConfig;
  /** In memory from the beginning, and to stay there. */
  model: NodeModel | null;
  /** In memory while they are wanted. */
  more: readonly NodeModel[];
  paths: NodePaths;
  keeper: MemoryKeeper;
  adapters: (modelId: string) => readonly Adapter[];
  env: Record<string, string | undefined>;
  log: Log;
  add: (engine: Engine) => void;
}): Promise<void> {
  const { config, model, log, add } = options;
  for (const attached of config.engines.attach) {
    const engine = await createAttachEngine({
      baseUrl: attached.url,
      apiKey: attached.apiKey,
      models: attached.models,
      probe: attached.probe,
      slots: attached.slots,
      log: (level, message) => log(level, message),
    });
    // Told of before it is known, an engine is sent no tools and no schema; one that has to load its model first chats until then.
    await Promise.race([engine.probed(), setTimeout(KNOWN_WITHIN_MS, undefined, { ref: false })]);
    add(engine);
  }
  if (model && config.engines.llamaServer.enabled) add(await startLlamaServer({ ...options, model }));
  else if (model) {
    const own = onDemandEngine({ ...options, model, keepWarm: true });
    add(own);
    await own.prepare();
  }
  for (const one of options.more) add(onDemandEngine({ ...options, model: one, keepWarm: false }));
}

/** A model that llama.cpp runs in a child process while it is wanted. */
export function onDemandEngine(options: {
  config: NodeConfig;
  model: NodeModel;
  keepWarm: boolean;
  paths: NodePaths;
  keeper: MemoryKeeper;
  adapters: (modelId: string) => readonly Adapter[];
  log: Log;
}): OnDemandEngine {
  const { config, model, keeper, keepWarm, log } = options;
  const { sequences, contextTokens, idleMinutes } = config.engines.embedded;
  const quantisation = model.quantisation ?? null;
  const engine = createOnDemandEngine({
    model: {
      id: model.id,
      engine: "embedded",
      loaded: false,
      fileSha256: model.sha256,
      quantisation,
      contextTokens: null,
      capabilities: capabilitiesOf(model.kind),
      tokensPerSecond: null,
    },
    keeper,
    keepWarm,
    idleMs: idleMinutes * 60_000,
    log,
    open: (memory) =>
      createEmbeddedEngine({
        modelId: model.id,
        modelPath: model.path,
        kind: model.kind,
        fileSha256: model.sha256,
        quantisation,
        sequences,
        contextTokens,
        prefixes: promptCache(config, options.paths),
        memory,
        log: (level, message) => log(level, message),
      }),
  });
  engine.setAdapters(options.adapters(model.id));
  return engine;
}

/** Undefined: the owner wants none. */
function promptCache(config: NodeConfig, paths: NodePaths): { folder: string; maxBytes: number } | undefined {
  const maxBytes = parseSize(config.engines.embedded.promptCache);
  return maxBytes === null ? undefined : { folder: paths.prompts, maxBytes };
}
