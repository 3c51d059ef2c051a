import { type Capabilities, CHAT_ONLY, type ServedModel } from "../../../../src/tunnel/protocol/messages.ts";
import { cancelled, modelLoadFailed, modelNotLoaded, modelRetired } from "../../serve/node-errors.ts";
import { type AttachEngine, createAttachEngine } from "../attach/attach.ts";
import type { Engine } from "../engine.ts";
import { createServerHost, type RunningServer, type ServerLog } from "./server-host.ts";

export interface LlamaServerEngineOptions {
  /** The path of a `llama-server` (`findLlamaServer`). */
  binary: string;
  /** The id that agents ask for. */
  modelId: string;
  /** A GGUF file. */
  modelPath: string;
  /** SHA-256 of the file in hex. */
  fileSha256: string;
  quantisation: string | null;
  /** Tokens for each call. */
  contextTokens: number;
  /** Calls at once. */
  slots: number;
  /** Threads of the CPU; undefined: as the server chooses. */
  threads?: number;
  /** More arguments, after our own. */
  args?: readonly string[];
  /** Whether to ask, with a few small requests, what it can do; otherwise it only chats. Default true. */
  probe?: boolean;
  log?: ServerLog;
  random?: () => number;
  /** Milliseconds, rising. */
  now?: () => number;
  pollMs?: number;
  watchMs?: number;
}

export interface LlamaServerEngine extends Engine {
  readonly kind: "llama-server";
  /** Null while it starts again. */
  runtime(): { pid: number; baseUrl: string; build: string | null } | null;
  /** Resolves when it is known what the model can do. */
  probed(): Promise<void>;
}

/**
 * llama.cpp's own server as a process of ours: on loopback, under a key that nobody else has, started again when it
 * died. Calls reach it as they reach an attached engine. Rejects with a `NodeError` `model_load_failed` of one line.
 */
export async function createLlamaServerEngine(options: LlamaServerEngineOptions): Promise<LlamaServerEngine> {
  const { modelId, slots, contextTokens } = options;
  const log: ServerLog = options.log ?? (() => {});
  const listeners = new Set<() => void>();
  let capabilities: Capabilities | null = null;
  let current: { server: RunningServer; attached: Promise<AttachEngine> } | null = null;
  let probed: Promise<void> = Promise.resolve();
  /** It ended too often: the model is not served any more. */
  let retired = false;
  const changed = (): void => {
    for (const listener of listeners) listener();
  };

  const attach = async (server: RunningServer): Promise<AttachEngine> => {
    const isProbing = options.probe !== false && capabilities === null;
    const engine = await createAttachEngine({
      baseUrl: server.baseUrl,
      apiKey: server.apiKey,
      models: [modelId],
      slots: server.slots,
      probe: isProbing,
    });
    const note = (): void => {
      if (isProbing && current?.server === server) capabilities = engine.models()[0]?.capabilities ?? null;
      changed();
    };
    engine.onChange(note);
    return engine;
  };
  let left: Promise<void> = Promise.resolve();
  const detach = (): void => {
    if (current === null) return;
    left = current.attached
      .then((engine) => engine.close())
      .catch((error: unknown) => log("warn", `Leaving llama-server failed: ${String(error)}`));
    current = null;
  };

  const host = await createServerHost({
    binary: options.binary,
    args: [
      "--model",
      options.modelPath,
      "--alias",
      modelId,
      "--ctx-size",
      String(contextTokens * slots),
      "--parallel",
      String(slots),
      "--no-webui",
      ...(options.threads === undefined ? [] : ["--threads", String(options.threads)]),
      ...(options.args ?? []),
    ],
    log,
    random: options.random ?? Math.random,
    now: options.now ?? (() => performance.now()),
    pollMs: options.pollMs,
    watchMs: options.watchMs,
    onRunning(server) {
      detach();
      if (server !== null) {
        const attached = attach(server);
        current = { server, attached };
        probed = attached.then((engine) => engine.probed());
        probed.catch((error: unknown) => log("warn", `llama-server could not be asked: ${String(error)}`));
      }
      changed();
    },
    onRetired() {
      retired = true;
      changed();
    },
  }).catch((cause: unknown) => {
    throw modelLoadFailed(cause);
  });

  const served = (): ServedModel => ({
    id: modelId,
    engine: "llama-server",
    loaded: current !== null,
    fileSha256: options.fileSha256,
    quantisation: options.quantisation,
    contextTokens: current?.server.contextTokens ?? contextTokens,
    capabilities: capabilities ?? CHAT_ONLY,
    tokensPerSecond: null,
  });
  return {
    kind: "llama-server",
    models: () => (retired ? [] : [served()]),
    slots: () => current?.server.slots ?? 0,
    // The server does not tell what it computes on.
    placement: () => ({ pids: current === null ? [] : [current.server.pid], device: null }),
    runtime: () => {
      if (current === null) return null;
      const { pid, baseUrl, build } = current.server;
      return { pid, baseUrl, build };
    },
    probed: () => probed,
    async handle(request) {
      if (retired) throw modelRetired(modelId);
      if (request.signal.aborted) throw cancelled();
      if (current === null) throw modelNotLoaded(modelId);
      return (await current.attached).handle(request);
    },
    onChange: (listener) => void listeners.add(listener),
    async close() {
      await host.close();
      await left;
    },
  };
}
