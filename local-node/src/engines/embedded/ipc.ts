import type { Confidence } from "../../../../src/tunnel/protocol/confidence.ts";
import type { Adapter } from "../../models/adapter.ts";
import type { ChatUsage, FinishReason } from "../chat-output.ts";
import type { ChatRequest } from "../chat-request.ts";
import type { CompletionRequest } from "../completion-request.ts";
import type { EmbeddingRequest } from "../embedding-request.ts";
import type { MemoryNeed } from "./memory-need.ts";
import type { ShownPart } from "./reply-stream.ts";

/** What the child is told before anything else. */
export interface LoadOptions {
  kind: "chat" | "embeddings";
  modelPath: string;
  gpu: "auto" | false | "metal" | "cuda" | "vulkan";
  /** Calls at once, and tokens for each; undefined: what memory and hardware allow. */
  sequences?: number;
  contextTokens?: number;
  /** Where states of prompts go that give way to others; undefined: nowhere. */
  prefixes?: { folder: string; maxBytes: number; fileSha256: string };
  /** What keys and values are kept in; undefined: F16. */
  cacheType?: "F16" | "Q8_0";
}

/** One way to load a model, and what it takes. */
export interface LoadShape {
  /** All of its layers are on the GPU; else as many as find room there, if there is one. */
  onGpu: boolean;
  contextTokens: number;
  sequences: number;
  ramBytes: number;
  vramBytes: number;
}

/** What the child found out before it loads anything. */
export interface LoadPlan {
  gpu: {
    backend: string;
    totalBytes: number;
    /** Now, beside what this process itself takes. */
    freeBytes: number;
    /** The GPU has no memory of its own. */
    sharesHostMemory: boolean;
  } | null;
  /** The best first. */
  shapes: LoadShape[];
}

/** What the child found when the model was in memory. */
export interface LoadedModel {
  shape: LoadShape;
  slots: number;
  contextTokens: number;
  /** Decode speed of one sequence, measured; null for a model that writes nothing. */
  tokensPerSecond: number | null;
  /** `metal`, `cuda`, `vulkan`, or null for none. */
  gpu: string | null;
  threads: { base: number; full: number };
  /** Whether it can be asked to think before it answers, or always does. */
  reasoning: boolean;
  /** Whether it can write what stands before a given end. */
  suffix: boolean;
}

export type GenerateRequest = ({ kind: "chat" } & ChatRequest) | ({ kind: "completion" } & CompletionRequest);

export type ParentMessage =
  | { type: "load"; options: LoadOptions }
  /** The answer to `plan`. */
  | { type: "proceed"; shape: LoadShape }
  /** Nothing that was computed for one `scope` is reused for another. */
  | { type: "generate"; id: number; request: GenerateRequest; scope: string; adapter: Adapter | null }
  /** The answer to `grow`. */
  | { type: "growth"; granted: boolean }
  | { type: "embed"; id: number; request: EmbeddingRequest }
  | { type: "cancel"; id: number }
  /** The reader of this call is slow: stop generating until `resume`. */
  | { type: "pause"; id: number }
  | { type: "resume"; id: number };

/** Of one call; times are microseconds from the receipt of `generate`. */
export type CallMessage =
  /** The call has a slot, which holds `cachedTokens` of its prompt. */
  | { type: "prefill"; id: number; usage: ChatUsage; prefillStartUs: number }
  /** The first token is there: the answer begins. */
  | { type: "first"; id: number; usage: ChatUsage; firstTokenUs: number }
  /** A part of a choice that is final; `completionTokens` counts those of all choices up to here. */
  | ({ type: "part"; id: number; choice: number; completionTokens: number } & ShownPart)
  /** The vector of the next input: 32-bit floats, little-endian. */
  | { type: "vector"; id: number; base64: string }
  /** A choice is complete. */
  | { type: "finish"; id: number; choice: number; finishReason: FinishReason }
  /**
   * All choices are complete, or the call was cancelled. The completion tokens include end tokens, which show as no
   * text: they were computed, and llama.cpp's server counts them too.
   */
  | {
      type: "end";
      id: number;
      cancelled: boolean;
      usage: ChatUsage;
      /** Null where no token was generated. */
      confidence: Confidence | null;
      endUs: number;
    }
  | {
      type: "failed";
      id: number;
      error: { code: string; message: string; status: number; retryable: boolean; param?: string };
    };

export type ChildMessage =
  /** Nothing is loaded before the parent says in which shape. */
  | { type: "plan"; plan: LoadPlan }
  | { type: "ready"; model: LoadedModel }
  /** One line that a person can act on. The child ends afterwards. */
  | { type: "loadFailed"; message: string }
  /** May the process take what the plan's shape needs on top? One question at a time. */
  | { type: "grow"; plan: LoadPlan }
  /** What was granted is in use by now, or never will be. */
  | { type: "grown" }
  | { type: "shrink"; need: MemoryNeed }
  | { type: "log"; level: "warn" | "error"; message: string }
  | CallMessage;
