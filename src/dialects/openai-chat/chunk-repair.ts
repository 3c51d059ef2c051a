import { isText } from "../json.ts";
import { type Chunk, type ChunkChoice, type ToolCallDelta, toolCallsOf } from "./chunk.ts";
import { mendFinishReason } from "./finish-reasons.ts";
import { withTextContent } from "./said.ts";
import { createToolCallRepair, type ToolCallRepair } from "./tool-call-repair.ts";

const HEAD = ["id", "created", "model"] as const;

interface ChoiceState {
  roleSent: boolean;
  finished: boolean;
  /** The choice used the `function_call` that came before tools. */
  legacyCall: boolean;
  calls: ToolCallRepair;
}

/** A choice that was given no `finish_reason`, with the one that it should have had. */
export interface OpenChoice {
  index: number;
  reason: string;
  /** Arguments that its calls still lack. */
  calls: ToolCallDelta[];
}

export interface ChunkRepair {
  /** The chunk as it should have been; the same object where nothing was wrong. */
  mend(chunk: Chunk): Chunk;
  /** Whether a chunk comes before all that has an id: Azure tells of its filters so. */
  isPrelude(chunk: Chunk): boolean;
  /** Whether a choice has begun and has no `finish_reason`. */
  hasOpenChoice(): boolean;
  /** Ends the open choices. */
  closeChoices(): OpenChoice[];
  /** Whether a choice has called a tool. */
  hasToolCalls(choice: number): boolean;
}

/**
 * Keeps a stream's invariants (wire traps 5, 11, 12, 16): one id, time of creation and model; each choice's role once
 * and first; `finish_reason` null until it is final, final once, and one of OpenAI's words; tool calls with contiguous
 * indices, ids, names and arguments; tool calls never end with `stop`.
 */
export function createChunkRepair(options: {
  /** What stands for id, time and model where no chunk has an id; null where none is needed. */
  madeUp: { id: string; created: number; model: string } | null;
  /** The id of a tool call that came without one. */
  makeCallId: (choice: number, index: number) => string;
}): ChunkRepair {
  const head: { id?: string; created?: number; model?: string } = {};
  const choices = new Map<number, ChoiceState>();

  function stateOf(index: number): ChoiceState {
    const known = choices.get(index);
    if (known !== undefined) return known;
    const state: ChoiceState = {
      roleSent: false,
      finished: false,
      legacyCall: false,
      calls: createToolCallRepair((call) => options.makeCallId(index, call)),
    };
    choices.set(index, state);
    return state;
  }

  /** The first chunk that names a time or a model settles it; what no chunk names stays away, unless the id does too. */
  function mendHead(chunk: Chunk): Chunk {
    if (typeof chunk.created === "number" && chunk.created > 0) head.created ??= chunk.created;
    if (isText(chunk.model)) head.model ??= chunk.model;
    if (isText(chunk.id)) head.id ??= chunk.id;
    else if (options.madeUp !== null && head.id === undefined) {
      const { id, created, model } = options.madeUp;
      head.id = id;
      head.created ??= created;
      head.model ??= model;
    }
    const right = HEAD.every((name) => head[name] === undefined || chunk[name] === head[name]);
    return right ? chunk : { ...chunk, ...head, object: chunk.object || "chat.completion.chunk" };
  }

  function mendCalls(delta: Record<string, unknown>, state: ChoiceState): Record<string, unknown> {
    if (delta.function_call != null) state.legacyCall = true;
    const calls = toolCallsOf(delta);
    if (calls.length === 0) return delta;
    const mended = calls.flatMap((call) => state.calls.mend(call) ?? []);
    if (mended.length === calls.length && mended.every((call, at) => call === calls[at])) return delta;
    const { tool_calls: _, ...rest } = delta;
    return mended.length === 0 ? rest : { ...delta, tool_calls: mended };
  }

  function mendRole(delta: Record<string, unknown>, state: ChoiceState): Record<string, unknown> {
    if (!state.roleSent) {
      state.roleSent = true;
      return delta.role === "assistant" ? delta : { role: "assistant", ...without(delta, "role") };
    }
    return delta.role == null ? delta : without(delta, "role");
  }

  /** What was called, for the words of the end. */
  function calledBy(state: ChoiceState): "tools" | "function" | null {
    if (state.calls.count > 0) return "tools";
    return state.legacyCall ? "function" : null;
  }

  function mendReason(reason: unknown, state: ChoiceState): string | null | undefined {
    if (reason === undefined) return undefined;
    if (!isText(reason) || state.finished) return null;
    state.finished = true;
    return mendFinishReason(reason, calledBy(state));
  }

  function mendChoice(choice: ChunkChoice): ChunkChoice {
    const index = typeof choice.index === "number" ? choice.index : 0;
    const state = stateOf(index);
    const wasFinished = state.finished;
    let delta = mendCalls(withTextContent(mendRole(choice.delta ?? {}, state)), state);
    const reason = mendReason(choice.finish_reason, state);
    if (state.finished && !wasFinished) {
      const late = state.calls.close();
      if (late.length > 0) delta = { ...delta, tool_calls: [...toolCallsOf(delta), ...late] };
    }
    const right = delta === choice.delta && index === choice.index && reason === choice.finish_reason;
    return right ? choice : { ...choice, index, delta, finish_reason: reason ?? null };
  }

  return {
    mend(chunk) {
      const whole = mendHead(chunk);
      const mended = whole.choices.map(mendChoice);
      const right = mended.every((choice, at) => choice === whole.choices[at]);
      return right ? whole : { ...whole, choices: mended };
    },
    isPrelude: (chunk) => head.id === undefined && chunk.choices.length === 0 && !isText(chunk.id),
    hasOpenChoice: () => [...choices.values()].some(({ finished }) => !finished),
    closeChoices: () =>
      [...choices].flatMap(([index, state]) => {
        if (state.finished) return [];
        state.finished = true;
        return [{ index, reason: mendFinishReason("stop", calledBy(state)), calls: state.calls.close() }];
      }),
    hasToolCalls: (choice) => (choices.get(choice)?.calls.count ?? 0) > 0,
  };
}

function without(fields: Record<string, unknown>, name: string): Record<string, unknown> {
  const { [name]: _, ...rest } = fields;
  return rest;
}
