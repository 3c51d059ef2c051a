import type { Confidence } from "../../../src/tunnel/protocol/confidence.ts";
import type { ServedModel } from "../../../src/tunnel/protocol/messages.ts";
import type { Adapter } from "../models/adapter.ts";
import type { NodeRequest, NodeResponse } from "../serve/contract.ts";

/** When the phases of a call happened, in microseconds from its start on the engine; filled in as they pass. */
export interface EnginePhases {
  prefillStartUs?: number;
  firstTokenUs?: number;
  endUs?: number;
  promptTokens?: number;
  /** Prompt tokens that were already in the slot's cache. */
  reusedTokens?: number;
  completionTokens?: number;
  /** How sure the model was, where the engine tells; complete at the end. */
  confidence?: Confidence;
}

export interface EngineRequest extends NodeRequest {
  /** The id of one of `models()`. */
  model: string;
  /** The engine notes its phases here for the node's spans. */
  phases: EnginePhases;
}

/** Where an engine's models are. */
export interface Placement {
  /** The processes of this machine that hold them. */
  pids: number[];
  /** What computes: `cuda`, `vulkan`, `metal` or `cpu`; null where that cannot be told, or is another machine. */
  device: string | null;
}

/** Something that runs models: in a child process, as a managed server, or somewhere else by URL. */
export interface Engine {
  readonly kind: ServedModel["engine"];
  /** What it serves now; changes when a model is loaded or a child process died. */
  models(): ServedModel[];
  /** How many calls it can run at once; more than that wait in the node's queue. */
  slots(): number;
  placement(): Placement;
  /** Runs one call. Rejects with `NodeError` before the head; `signal` frees the slot within one decode step. */
  handle(request: EngineRequest): Promise<Omit<NodeResponse, "spans" | "confidence">>;
  /** Calls `listener` whenever `models()` or `slots()` changed. */
  onChange(listener: () => void): void;
  /**
   * Brings the models into memory that it serves and that are not there; absent where it has no say in that. Resolves
   * when calls can run; rejects with a `NodeError`.
   */
  prepare?(): Promise<void>;
  /** Replaces the adapters that are served with its model; absent where it has none. */
  setAdapters?(adapters: readonly Adapter[]): void;
  /** Ends child processes and returns when they are gone. */
  close(): Promise<void>;
}
