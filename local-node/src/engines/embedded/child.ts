import { randomBytes } from "node:crypto";
import { NodeError } from "../../serve/contract.ts";
import type { CallMessage, ChildMessage, LoadPlan, LoadShape, ParentMessage } from "./ipc.ts";
import { loadRuntime, type Runtime } from "./load.ts";
import { type Embedder, loadEmbedder } from "./load-embedder.ts";
import { LoadError } from "./load-error.ts";
import type { MemoryNeed } from "./memory-need.ts";
import { runEmbedding } from "./run-embedding.ts";
import { type CallControl, runGeneration } from "./run-generation.ts";

/** The child process of one model. It speaks `ipc.ts` with its parent, and does not outlive it. */

type CallRequest = Extract<ParentMessage, { type: "generate" | "embed" }>;

interface Call {
  abort: AbortController;
  paused: PromiseWithResolvers<void> | null;
}

/** Native libraries may explain themselves over many lines. */
const MAX_REASON_LENGTH = 500;

const calls = new Map<number, Call>();
/** The model, once it is loaded. */
let served: { kind: "chat"; runtime: Runtime } | { kind: "embeddings"; embedder: Embedder } | null = null;
let growth = Promise.withResolvers<boolean>();
const admitted = Promise.withResolvers<LoadShape>();

function send(message: ChildMessage): void {
  // The callback form reports a broken channel there; without a parent, `disconnect` ends this process.
  process.send?.(message, undefined, undefined, () => {});
}

async function load(message: Extract<ParentMessage, { type: "load" }>): Promise<void> {
  const { options } = message;
  const hooks = {
    newNonce: () => randomBytes(8).toString("hex"),
    admit: (plan: LoadPlan) => {
      send({ type: "plan", plan });
      return admitted.promise;
    },
    onLog: (level: "warn" | "error", text: string) => send({ type: "log", level, message: text }),
    now: () => performance.now(),
    grow: (plan: LoadPlan) => {
      growth = Promise.withResolvers();
      send({ type: "grow", plan });
      return growth.promise;
    },
    grown: () => send({ type: "grown" }),
    shrink: (need: MemoryNeed) => send({ type: "shrink", need }),
  };
  try {
    if (options.kind === "embeddings") {
      const embedder = await loadEmbedder(options, hooks);
      served = { kind: "embeddings", embedder };
      send({ type: "ready", model: embedder.loaded });
    } else {
      const runtime = await loadRuntime(options, hooks);
      served = { kind: "chat", runtime };
      send({ type: "ready", model: runtime.loaded });
    }
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const reason = text.replace(/\s+/g, " ").slice(0, MAX_REASON_LENGTH);
    send({
      type: "loadFailed",
      message: error instanceof LoadError ? reason : `The model cannot be loaded: ${reason}`,
    });
  }
}

async function run(message: CallRequest, control: CallControl): Promise<void> {
  if (served?.kind === "chat" && message.type === "generate") {
    await runGeneration(served.runtime, message, control);
  } else if (served?.kind === "embeddings" && message.type === "embed") {
    await runEmbedding(served.embedder, message, control);
  } else {
    throw new Error("a call came that the model is not for, or before it was ready");
  }
}

async function start(message: CallRequest): Promise<void> {
  const { id } = message;
  const call: Call = { abort: new AbortController(), paused: null };
  calls.set(id, call);
  try {
    await run(message, {
      signal: call.abort.signal,
      ready: () => call.paused?.promise ?? Promise.resolve(),
      send,
    });
  } catch (error) {
    send(toFailed(id, error));
  } finally {
    calls.delete(id);
  }
}

function toFailed(id: number, error: unknown): CallMessage {
  if (error instanceof NodeError) {
    const { code, message, status, retryable, param } = error;
    return { type: "failed", id, error: { code, message, status, retryable, param } };
  }
  send({
    type: "log",
    level: "error",
    message: error instanceof Error ? String(error.stack) : String(error),
  });
  return {
    type: "failed",
    id,
    error: {
      code: "engine_failed",
      message: "The engine failed to run this call; the node's log has the cause.",
      status: 500,
      retryable: true,
    },
  };
}

process.on("message", (message: ParentMessage) => {
  switch (message.type) {
    case "load":
      void load(message);
      break;
    case "proceed":
      admitted.resolve(message.shape);
      break;
    case "growth":
      growth.resolve(message.granted);
      break;
    case "generate":
    case "embed":
      void start(message);
      break;
    case "cancel": {
      const call = calls.get(message.id);
      call?.abort.abort();
      call?.paused?.resolve();
      break;
    }
    case "pause": {
      const call = calls.get(message.id);
      if (call !== undefined) call.paused ??= Promise.withResolvers();
      break;
    }
    case "resume": {
      const call = calls.get(message.id);
      call?.paused?.resolve();
      if (call !== undefined) call.paused = null;
      break;
    }
  }
});

// The parent is gone. Nothing needs saving, and a clean exit could wait for threads that compute.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
// Ctrl-C reaches the whole process group: the parent decides when this process ends.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
