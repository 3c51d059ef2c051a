import { open } from "node:fs/promises";
import { getLlama, type Llama, LlamaLogLevel, type LlamaModel } from "node-llama-cpp";
import { usableCores } from "../../hardware/usable-cores.ts";
import type { LoadOptions, LoadPlan, LoadShape } from "./ipc.ts";
import { LoadError } from "./load-error.ts";
import { planLoad } from "./plan-load.ts";

/** Weights in memory; what is computed with them comes next. */
export interface OpenedModel {
  llama: Llama;
  model: LlamaModel;
  shape: LoadShape;
  usableCpus: number;
  onGpu: boolean;
}

export interface OpenHooks {
  /** Told what loading would take; resolves with what may be taken. */
  admit: (plan: LoadPlan) => Promise<LoadShape>;
  onLog: (level: "warn" | "error", message: string) => void;
}

/** Starts the engine and loads the weights. @throws {LoadError} that a person can act on */
export async function openModel(options: LoadOptions, hooks: OpenHooks): Promise<OpenedModel> {
  await assertGguf(options.modelPath);
  const cores = usableCores();
  let lastError = "";
  const llama = await getLlama({
    gpu: options.gpu,
    build: "never",
    skipDownload: true,
    progressLogs: false,
    maxThreads: cores,
    logLevel: LlamaLogLevel.warn,
    logger: (level, message) => {
      const isError = level === LlamaLogLevel.error || level === LlamaLogLevel.fatal;
      if (isError) lastError = message.trim();
      hooks.onLog(isError ? "error" : "warn", message.trim());
    },
  });
  const cannotLoad = (cause: unknown): never => {
    if (cause instanceof LoadError) throw cause;
    const reason = lastError === "" ? messageOf(cause) : lastError;
    throw new LoadError(`${options.modelPath} cannot be loaded: ${reason}. Fetch it again.`, { cause });
  };
  const shape = await hooks.admit(await planLoad(llama, options).catch(cannotLoad));
  const contextOfAll = { contextSize: shape.contextTokens * shape.sequences };
  const model = await llama
    .loadModel({
      modelPath: options.modelPath,
      gpuLayers: shape.onGpu ? "max" : { fitContext: contextOfAll },
    })
    .catch(cannotLoad);
  if (llama.gpu !== false && !shape.onGpu) {
    const total = model.fileInsights.totalLayers;
    hooks.onLog(
      "warn",
      `${model.gpuLayers} of ${total} layers are on the GPU, which has no room for more: expect it to be slow. Choose a smaller model or quantisation.`,
    );
  }
  return {
    llama,
    model,
    shape,
    usableCpus: Math.min(usableCores(), llama.cpuMathCores || Number.POSITIVE_INFINITY),
    onGpu: llama.gpu !== false && model.gpuLayers > 0,
  };
}

async function assertGguf(path: string): Promise<void> {
  const file = await open(path, "r").catch((cause: NodeJS.ErrnoException) => {
    throw new LoadError(`${path} cannot be read (${cause.code ?? cause.message}).`, { cause });
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    if (bytesRead === 4 && buffer.toString("latin1") === "GGUF") return;
  } finally {
    await file.close();
  }
  throw new LoadError(`${path} is not a GGUF model file, or it is damaged. Fetch it again.`);
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
