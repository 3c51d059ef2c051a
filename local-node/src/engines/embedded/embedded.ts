import { randomBytes } from "node:crypto";
import { CHAT_ONLY, PROJECT_HEADER, type ServedModel } from "../../../../src/tunnel/protocol/messages.ts";
import type { Adapter } from "../../models/adapter.ts";
import { type ModelKind, modelKindOf } from "../../models/model-kind.ts";
import { NodeError } from "../../serve/contract.ts";
import {
  cancelled,
  engineFailed,
  invalidRequest,
  modelLoadFailed,
  modelNotLoaded,
  modelRetired,
} from "../../serve/node-errors.ts";
import { modelNotFound } from "../../serve/read-request.ts";
import type { ChatIdentity } from "../chat-output.ts";
import type { Engine } from "../engine.ts";
import { adaptedId, weightsOf, withAdapters } from "./adapted-models.ts";
import { type ModelMemory, memoryAlone } from "./admit-alone.ts";
import { chatAnswer } from "./chat-answer.ts";
import { createChildHost, type EngineLog } from "./child-host.ts";
import { completionAnswer } from "./completion-answer.ts";
import type { LoadedModel, LoadOptions } from "./ipc.ts";
import { type Call, runCall } from "./run-call.ts";
import { runEmbeddings } from "./run-embeddings.ts";

export interface EmbeddedEngineOptions {
  /** The id that agents ask for. */
  modelId: string;
  /** A GGUF file. */
  modelPath: string;
  /** What the model is for; default: what its file says. */
  kind?: ModelKind;
  /** SHA-256 of the file in hex. */
  fileSha256: string;
  quantisation: string | null;
  /** Calls at once, tokens for each, and what keys and values are kept in; default: what memory and hardware allow. */
  sequences?: number;
  contextTokens?: number;
  cacheType?: LoadOptions["cacheType"];
  gpu?: LoadOptions["gpu"];
  /** Where states of prompts are kept that give way to others, and how many bytes; default: nowhere. */
  prefixes?: { folder: string; maxBytes: number };
  /** What is not given is as if the machine were this model's alone. */
  memory?: Partial<ModelMemory>;
  /** Adapters of this model, served as `<modelId>+<name>`; default none. */
  adapters?: readonly Adapter[];
  /** Unread bytes of one answer above which its generation pauses; default 256 KiB. */
  unreadBytes?: number;
  log?: EngineLog;
  random?: () => number;
  /** Milliseconds, rising. */
  now?: () => number;
}

/** An embedded engine also tells about its child process. */
export interface EmbeddedEngine extends Engine {
  readonly kind: "embedded";
  /** What the child measured and chose; null while it starts again. */
  runtime(): ({ pid: number } & Pick<LoadedModel, "gpu" | "threads" | "shape">) | null;
  /** Replaces the adapters that are served. One that is not served any more ends its calls first. */
  setAdapters(adapters: readonly Adapter[]): void;
}

const DEFAULT_UNREAD_BYTES = 256 * 1024;
const MIN_THREAD_POOL = 12;

const OF_CHAT: ServedModel["capabilities"] = {
  ...CHAT_ONLY,
  tools: true,
  jsonSchema: true,
  jsonObject: true,
  logprobs: true,
  completions: true,
  multipleChoices: true,
  logitBias: true,
  penalties: true,
};

/** What every model of a kind can do on this engine. */
export function capabilitiesOf(kind: ModelKind): ServedModel["capabilities"] {
  return kind === "chat" ? OF_CHAT : { ...CHAT_ONLY, chat: false, embeddings: kind === "embeddings" };
}

/**
 * llama.cpp through its Node.js bindings, one child process for one model, so that a crash takes only that model along
 * and unloading gives all memory back. Rejects with a `NodeError` `model_load_failed` of one line.
 */
export async function createEmbeddedEngine(options: EmbeddedEngineOptions): Promise<EmbeddedEngine> {
  const { modelId, fileSha256 } = options;
  // What is wrong with a file that cannot be read is the loading process's to say.
  const kind = options.kind ?? (await modelKindOf(options.modelPath).catch(() => "chat" as const));
  if (kind === "ranking")
    throw modelLoadFailed(`${modelId} ranks texts, which no endpoint asks for. Choose another model.`);
  const listeners = new Set<() => void>();
  const calls = new Map<number, Call>();
  let nextId = 1;
  let contextTokens: number | null = options.contextTokens ?? null;
  let tokensPerSecond: number | null = null;
  /** Its process ended too often: the model is not served any more. */
  let retired = false;
  let adapters = options.adapters ?? [];
  let found: Pick<ServedModel["capabilities"], "reasoning" | "suffix"> = { reasoning: false, suffix: false };

  const host = await createChildHost({
    load: {
      kind,
      modelPath: options.modelPath,
      gpu: options.gpu ?? "auto",
      sequences: options.sequences,
      contextTokens: options.contextTokens,
      prefixes: options.prefixes && { ...options.prefixes, fileSha256 },
      cacheType: options.cacheType,
    },
    memory: { ...memoryAlone(modelId), ...options.memory },
    threadPoolSize: Math.max(MIN_THREAD_POOL, (options.sequences ?? 0) + 4),
    log: options.log ?? (() => {}),
    random: options.random ?? Math.random,
    now: options.now ?? (() => performance.now()),
    onCall: (message) => calls.get(message.id)?.onMessage(message),
    onLoaded: (loaded) => {
      if (loaded === null) {
        const lost = engineFailed({ message: "The model's process ended during the call. Try again." });
        const running = [...calls.values()];
        calls.clear();
        for (const call of running) call.onLost(lost);
      } else {
        contextTokens = loaded.contextTokens;
        found = { reasoning: loaded.reasoning, suffix: loaded.suffix };
        tokensPerSecond =
          loaded.tokensPerSecond === null ? null : Math.round(loaded.tokensPerSecond * 10) / 10;
      }
      for (const listener of listeners) listener();
    },
    onRetired: () => {
      retired = true;
      for (const listener of listeners) listener();
    },
  }).catch((cause: unknown) => {
    if (cause instanceof NodeError) throw cause;
    throw modelLoadFailed(cause);
  });

  const engine: EmbeddedEngine = {
    kind: "embedded",
    models: () =>
      retired
        ? []
        : withAdapters(
            {
              id: modelId,
              engine: "embedded",
              loaded: host.loaded() !== null,
              fileSha256,
              quantisation: options.quantisation,
              contextTokens,
              capabilities: { ...capabilitiesOf(kind), ...found },
              tokensPerSecond,
            },
            adapters,
          ),
    slots: () => host.loaded()?.slots ?? 0,
    placement: () => {
      const loaded = host.loaded();
      const pid = host.pid();
      return loaded === null || pid === null
        ? { pids: [], device: null }
        : { pids: [pid], device: loaded.gpu ?? "cpu" };
    },
    runtime: () => {
      const loaded = host.loaded();
      const pid = host.pid();
      if (loaded === null || pid === null) return null;
      return { pid, gpu: loaded.gpu, threads: loaded.threads, shape: loaded.shape };
    },
    async handle(request) {
      if (retired) throw modelRetired(modelId);
      if (host.loaded() === null) throw modelNotLoaded(modelId);
      if (request.signal.aborted) throw cancelled();
      const adapter = adapters.find(({ name }) => adaptedId(modelId, name) === request.model) ?? null;
      if (adapter === null && request.model !== modelId) throw modelNotFound(request.model, [engine]);
      const id = nextId++;
      const identityOf = (prefix: string): ChatIdentity => ({
        id: `${prefix}-${randomBytes(12).toString("hex")}`,
        created: Math.floor(Date.now() / 1000),
        model: request.model,
        systemFingerprint: `fp_${weightsOf(fileSha256, adapter).slice(0, 10)}`,
      });
      const channel = {
        request,
        register: (call: Call) => void calls.set(id, call),
        forget: () => void calls.delete(id),
        cancel: () => host.send({ type: "cancel", id }),
      };
      if (kind === "embeddings") {
        if (request.path !== "/v1/embeddings")
          throw wrongEndpoint(modelId, "only makes vectors: ask it at /v1/embeddings");
        return runEmbeddings({
          ...channel,
          model: modelId,
          begin: (embedding) => host.send({ type: "embed", id, request: embedding }),
        });
      }
      if (request.path === "/v1/embeddings")
        throw wrongEndpoint(modelId, "writes texts, and makes no vectors of them");
      const answer =
        request.path === "/v1/completions"
          ? completionAnswer(request.body, identityOf("cmpl"))
          : chatAnswer(request.body, identityOf("chatcmpl"));
      return runCall({
        ...channel,
        answer,
        begin: () =>
          host.send({
            type: "generate",
            id,
            request: answer.request,
            scope: request.headers[PROJECT_HEADER] ?? "",
            adapter,
          }),
        pressure: (high) => host.send({ type: high ? "pause" : "resume", id }),
        unreadBytes: options.unreadBytes ?? DEFAULT_UNREAD_BYTES,
      });
    },
    onChange: (listener) => void listeners.add(listener),
    setAdapters(next) {
      adapters = next;
      for (const listener of listeners) listener();
    },
    close: () => host.close(),
  };
  return engine;
}

function wrongEndpoint(modelId: string, how: string): NodeError {
  return invalidRequest({ code: "unsupported_endpoint", message: `'${modelId}' ${how}.`, param: "model" });
}
