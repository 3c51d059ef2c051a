import { randomBytes } from "node:crypto";
import { concatBytes } from "../../../../src/tunnel/protocol/frames.ts";
import { CHAT_ONLY, PROJECT_HEADER, type ServedModel } from "../../../../src/tunnel/protocol/messages.ts";
import { NodeError } from "../../serve/contract.ts";
import {
  cancelled,
  engineFailed,
  modelLoadFailed,
  modelNotLoaded,
  modelRetired,
} from "../../serve/node-errors.ts";
import { createCallCheck } from "../call-check.ts";
import {
  type ChatChoice,
  type ChatIdentity,
  type ChatUsage,
  createChunkRenderer,
  type FinishReason,
  renderCompletion,
} from "../chat-output.ts";
import { type ChatRequest, parseChatRequest } from "../chat-request.ts";
import type { Engine, EnginePhases, EngineRequest } from "../engine.ts";
import { createAnswerCheck, toAnswerFormat } from "../response-format.ts";
import { admitAlone } from "./admit-alone.ts";
import { createBodyQueue } from "./body-queue.ts";
import { createChildHost, type EngineLog } from "./child-host.ts";
import type { CallMessage, LoadedModel, LoadOptions, LoadPlan, LoadShape } from "./ipc.ts";

export interface EmbeddedEngineOptions {
  /** The id that agents ask for. */
  modelId: string;
  /** A GGUF file. */
  modelPath: string;
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
  /**
   * Says in which shape the model may be loaded, each time that it is; rejects with a `NodeError` where it may not.
   * Default: as if the machine were this model's alone.
   */
  admit?: (plan: LoadPlan) => Promise<LoadShape>;
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
}

type Response = Awaited<ReturnType<Engine["handle"]>>;

interface Call {
  onMessage(message: CallMessage): void;
  onLost(error: NodeError): void;
}

const DEFAULT_UNREAD_BYTES = 256 * 1024;
const MIN_THREAD_POOL = 12;

/** What every model can do on this engine. */
export const CAPABILITIES: ServedModel["capabilities"] = {
  ...CHAT_ONLY,
  tools: true,
  jsonSchema: true,
  jsonObject: true,
  logprobs: true,
  multipleChoices: true,
  logitBias: true,
  penalties: true,
};

/**
 * llama.cpp through its Node.js bindings, one child process for one model, so that a crash takes only that model along
 * and unloading gives all memory back. Rejects with a `NodeError` `model_load_failed` of one line.
 */
export async function createEmbeddedEngine(options: EmbeddedEngineOptions): Promise<EmbeddedEngine> {
  const { modelId, fileSha256 } = options;
  const listeners = new Set<() => void>();
  const calls = new Map<number, Call>();
  let nextId = 1;
  let contextTokens: number | null = options.contextTokens ?? null;
  let tokensPerSecond: number | null = null;
  /** Its process ended too often: the model is not served any more. */
  let retired = false;
  let reasoning = false;

  const host = await createChildHost({
    load: {
      modelPath: options.modelPath,
      gpu: options.gpu ?? "auto",
      sequences: options.sequences,
      contextTokens: options.contextTokens,
      prefixes: options.prefixes && { ...options.prefixes, fileSha256 },
      cacheType: options.cacheType,
    },
    admit: options.admit ?? (async (plan) => admitAlone(modelId, plan)),
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
        reasoning = loaded.reasoning;
        tokensPerSecond = Math.round(loaded.tokensPerSecond * 10) / 10;
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

  return {
    kind: "embedded",
    models: () =>
      retired
        ? []
        : [
            {
              id: modelId,
              engine: "embedded",
              loaded: host.loaded() !== null,
              fileSha256,
              quantisation: options.quantisation,
              contextTokens,
              capabilities: { ...CAPABILITIES, reasoning },
              tokensPerSecond,
            },
          ],
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
      const chat = parseChatRequest(request.body);
      const format = toAnswerFormat(chat.responseFormat);
      const grammar = format?.grammar ?? chat.grammar;
      const id = nextId++;
      const identity = {
        id: `chatcmpl-${randomBytes(12).toString("hex")}`,
        created: Math.floor(Date.now() / 1000),
        model: modelId,
        systemFingerprint: `fp_${fileSha256.slice(0, 10)}`,
      };
      return runCall({
        request,
        register: (call) => calls.set(id, call),
        forget: () => calls.delete(id),
        begin: () =>
          host.send({
            type: "generate",
            id,
            request: { ...chat, grammar },
            scope: request.headers[PROJECT_HEADER] ?? "",
          }),
        cancel: () => host.send({ type: "cancel", id }),
        pressure: (high) => host.send({ type: high ? "pause" : "resume", id }),
        renderer: chat.stream
          ? createStreamRenderer(createChunkRenderer(identity, chat.includeUsage), chat)
          : createWholeRenderer(identity, chat),
        answerCheck: format === null ? null : createAnswerCheck(format),
        callCheck: createCallCheck(chat.tools.tools),
        streamed: chat.stream,
        unreadBytes: options.unreadBytes ?? DEFAULT_UNREAD_BYTES,
      });
    },
    onChange: (listener) => void listeners.add(listener),
    close: () => host.close(),
  };
}

type PartMessage = Extract<CallMessage, { type: "part" }>;

/** Turns what the child says into bytes of the body; null: nothing yet. */
interface Renderer {
  start(): Uint8Array | null;
  part(message: PartMessage): Uint8Array | null;
  finish(choice: number, finishReason: FinishReason): Uint8Array | null;
  end(usage: ChatUsage): Uint8Array;
}

function createStreamRenderer(
  chunks: ReturnType<typeof createChunkRenderer>,
  { topLogprobs, n }: ChatRequest,
): Renderer {
  return {
    start: () => concatBytes(Array.from({ length: n }, (_, choice) => chunks.start(choice))),
    part: ({ choice, part, logprobs }) =>
      chunks.part(choice, part, topLogprobs === null || part.type !== "content" ? null : logprobs),
    finish: (choice, finishReason) => chunks.finish(choice, finishReason),
    end: (usage) => chunks.end(usage),
  };
}

/** Collects the choices of a call that is not streamed; they are bounded by the context. */
function createWholeRenderer(identity: ChatIdentity, { topLogprobs, n }: ChatRequest): Renderer {
  const choices = Array.from(
    { length: n },
    (): ChatChoice => ({
      content: "",
      reasoning: "",
      toolCalls: [],
      logprobs: topLogprobs === null ? null : [],
      finishReason: "stop",
    }),
  );
  return {
    start: () => null,
    part({ choice, part, logprobs }) {
      const collected = choices[choice];
      if (collected !== undefined) addPart(collected, part);
      collected?.logprobs?.push(...logprobs);
      return null;
    },
    finish(choice, finishReason) {
      const collected = choices[choice];
      if (collected !== undefined) collected.finishReason = finishReason;
      return null;
    },
    end: (usage) => renderCompletion(identity, { choices, usage }),
  };
}

function addPart(choice: ChatChoice, part: PartMessage["part"]): void {
  switch (part.type) {
    case "content":
      choice.content += part.text;
      break;
    case "reasoning":
      choice.reasoning += part.text;
      break;
    case "call":
      choice.toolCalls[part.index] = { id: part.id, name: part.name, arguments: "" };
      break;
    case "arguments": {
      const call = choice.toolCalls[part.index];
      if (call !== undefined) call.arguments += part.text;
      break;
    }
  }
}

function noteUsage(phases: EnginePhases, usage: ChatUsage): void {
  phases.promptTokens = usage.promptTokens;
  phases.reusedTokens = usage.cachedTokens;
  phases.completionTokens = usage.completionTokens;
}

/** Turns the child's messages into a response: its head at the first token (streamed) or at the end. */
function runCall(options: {
  request: EngineRequest;
  register(call: Call): void;
  forget(): void;
  begin(): void;
  cancel(): void;
  pressure(high: boolean): void;
  renderer: Renderer;
  /** Of what was asked for; null: any text will do. */
  answerCheck: ReturnType<typeof createAnswerCheck> | null;
  callCheck: ReturnType<typeof createCallCheck>;
  streamed: boolean;
  unreadBytes: number;
}): Promise<Response> {
  const { request, renderer, streamed, answerCheck, callCheck } = options;
  const { phases, signal } = request;
  const head = Promise.withResolvers<Response>();
  const queue = createBodyQueue({
    highBytes: options.unreadBytes,
    onPressure: options.pressure,
    onAbandoned: options.cancel,
  });
  const open = (): void => {
    head.resolve({
      status: 200,
      headers: streamed
        ? { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" }
        : { "content-type": "application/json" },
      body: queue.body,
    });
  };
  const write = (chunk: Uint8Array | null): void => {
    if (chunk !== null) queue.push(chunk);
  };
  const settle = (): void => {
    options.forget();
    signal.removeEventListener("abort", onAbort);
  };
  const fail = (error: NodeError): void => {
    head.reject(error);
    queue.fail(error);
  };
  const onAbort = (): void => {
    options.cancel();
    fail(cancelled());
  };

  let refused: NodeError | null = null;
  options.register({
    onLost: (error) => {
      settle();
      fail(error);
    },
    onMessage: (message) => {
      switch (message.type) {
        case "prefill":
          phases.prefillStartUs = message.prefillStartUs;
          noteUsage(phases, message.usage);
          break;
        case "first":
          phases.firstTokenUs = message.firstTokenUs;
          noteUsage(phases, message.usage);
          write(renderer.start());
          if (streamed) open();
          break;
        case "part":
          phases.completionTokens = message.completionTokens;
          if (message.part.type === "content") answerCheck?.text(message.choice, message.part.text);
          callCheck?.part(message.choice, message.part);
          write(renderer.part(message));
          break;
        case "finish":
          refused =
            answerCheck?.finish(message.choice, message.finishReason) ??
            callCheck?.finish(message.choice, message.finishReason) ??
            null;
          if (refused !== null) {
            settle();
            options.cancel();
            fail(refused);
            break;
          }
          write(renderer.finish(message.choice, message.finishReason));
          break;
        case "end":
          settle();
          phases.endUs = message.endUs;
          noteUsage(phases, message.usage);
          phases.confidence = message.confidence ?? undefined;
          if (message.cancelled) {
            fail(cancelled());
            break;
          }
          write(renderer.end(message.usage));
          queue.end();
          open();
          break;
        case "failed":
          settle();
          fail(new NodeError(message.error));
          break;
      }
    },
  });
  signal.addEventListener("abort", onAbort, { once: true });
  options.begin();
  return head.promise;
}
