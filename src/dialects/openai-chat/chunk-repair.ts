import { type Chunk, type ChunkChoice, hasContent, type ToolCallDelta, toolCallsOf } from "./chunk.ts";
import { createToolCallRepair, type ToolCallRepair } from "./tool-call-repair.ts";

const HEAD = ["id", "created", "model"] as const;

interface ChoiceState {
  roleSent: boolean;
  finished: boolean;
  calls: ToolCallRepair;
}

export interface ChunkRepair {
  /** The chunk as it should have been; the same object where nothing was wrong. */
  mend(chunk: Chunk): Chunk;
  /** Choices that said something and were given no `finish_reason`, with the one that they should have had. */
  unfinished(): { index: number; reason: string; calls: ToolCallDelta[] }[];
  /** Whether a choice has called a tool. */
  hasToolCalls(choice: number): boolean;
}

/**
 * Keeps a stream's invariants (wire traps 5, 11, 12, 16): one id, time of creation and model; each choice's role once
 * and first; `finish_reason` null until it is final, and final once; tool calls with contiguous indices, ids and
 * arguments; tool calls never end with `stop`.
 */
export function createChunkRepair(options: {
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
      calls: createToolCallRepair((call) => options.makeCallId(index, call)),
    };
    choices.set(index, state);
    return state;
  }

  /** The first chunk that names an id, a time or a model settles it; what no chunk names stays away. */
  function mendHead(chunk: Chunk): Chunk {
    if (typeof chunk.id === "string" && chunk.id !== "") head.id ??= chunk.id;
    if (typeof chunk.created === "number") head.created ??= chunk.created;
    if (typeof chunk.model === "string" && chunk.model !== "") head.model ??= chunk.model;
    const right = HEAD.every((name) => head[name] === undefined || chunk[name] === head[name]);
    return right ? chunk : { ...chunk, ...head };
  }

  function mendCalls(delta: Record<string, unknown>, state: ChoiceState): Record<string, unknown> {
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
      return delta.role === "assistant" ? delta : { ...delta, role: "assistant" };
    }
    if (!("role" in delta)) return delta;
    const { role: _, ...rest } = delta;
    return rest;
  }

  function mendChoice(choice: ChunkChoice): ChunkChoice {
    const index = typeof choice.index === "number" ? choice.index : 0;
    const state = stateOf(index);
    const original = choice.delta ?? {};
    let delta = mendCalls(mendRole(original, state), state);
    let reason = choice.finish_reason;
    if (reason === "" || (reason != null && state.finished)) reason = null;
    if (reason != null) {
      state.finished = true;
      const late = state.calls.close();
      if (late.length > 0) delta = { ...delta, tool_calls: [...toolCallsOf(delta), ...late] };
      if (reason === "stop" && state.calls.count > 0) reason = "tool_calls";
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
    unfinished: () =>
      [...choices].flatMap(([index, state]) => {
        if (state.finished) return [];
        state.finished = true;
        const reason = state.calls.count > 0 ? "tool_calls" : "stop";
        return [{ index, reason, calls: state.calls.close() }];
      }),
    hasToolCalls: (choice) => (choices.get(choice)?.calls.count ?? 0) > 0,
  };
}

/** Whether a chunk says anything that belongs to the client: content of any kind, or an end. */
export function isContent(chunk: Chunk): boolean {
  return chunk.choices.some(
    ({ delta, finish_reason }) => (delta != null && hasContent(delta)) || Boolean(finish_reason),
  );
}
