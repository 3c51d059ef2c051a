import type { ToolCallDelta } from "./chunk.ts";

interface KnownCall {
  index: number;
  id: string;
  hasArguments: boolean;
}

export interface ToolCallRepair {
  /** The delta as it should have been; the same object where it was right. Null when nothing of it is left. */
  mend(delta: ToolCallDelta): ToolCallDelta | null;
  /** Deltas that give calls without arguments the empty object (wire trap 12); once, at the choice's end. */
  close(): ToolCallDelta[];
  readonly count: number;
}

const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

/** Arguments that a server sends as an object instead of its text. */
function argumentsText(value: unknown): string {
  if (typeof value === "string") return value;
  return value == null ? "" : JSON.stringify(value);
}

/**
 * Follows the tool calls of one choice (wire trap 11): servers leave the index out, send 0 for every call, repeat id
 * and name with each piece, or give no id at all. A new id is a new call; without one the index decides, and without
 * an index a name begins a new call and anything else goes on with the last.
 */
export function createToolCallRepair(makeId: (index: number) => string): ToolCallRepair {
  const calls: KnownCall[] = [];
  const byId = new Map<string, KnownCall>();
  const byIndex = new Map<number, KnownCall>();

  function find(delta: ToolCallDelta): KnownCall | null {
    const id = text(delta.id);
    if (id !== null) return byId.get(id) ?? null;
    if (typeof delta.index === "number") {
      const known = byIndex.get(delta.index);
      if (known !== undefined || text(delta.function?.name) !== null) return known ?? null;
    } else if (text(delta.function?.name) !== null) return null;
    return calls.at(-1) ?? null;
  }

  function begin(delta: ToolCallDelta): ToolCallDelta {
    const index = calls.length;
    const id = text(delta.id) ?? makeId(index);
    const call: KnownCall = { index, id, hasArguments: false };
    calls.push(call);
    byId.set(id, call);
    byIndex.set(typeof delta.index === "number" ? delta.index : index, call);
    const given = argumentsText(delta.function?.arguments);
    call.hasArguments = given !== "";
    const right =
      delta.index === index &&
      delta.id === id &&
      delta.type === "function" &&
      delta.function?.arguments === given &&
      typeof delta.function.name === "string";
    if (right) return delta;
    const name = typeof delta.function?.name === "string" ? delta.function.name : "";
    return { ...delta, index, id, type: "function", function: { ...delta.function, name, arguments: given } };
  }

  return {
    mend(delta) {
      // A custom tool's call has its text in `custom`, and is passed as it is.
      if (delta.custom !== undefined) return delta;
      const call = find(delta);
      if (call === null) return begin(delta);
      const given = argumentsText(delta.function?.arguments);
      if (given !== "") call.hasArguments = true;
      const more = Object.keys(delta).some((name) => name !== "index" && name !== "function");
      const named = delta.function != null && "name" in delta.function;
      if (!more && !named && delta.index === call.index && delta.function?.arguments === given) return delta;
      return given === "" ? null : { index: call.index, function: { arguments: given } };
    },
    close() {
      const empty = calls.filter(({ hasArguments }) => !hasArguments);
      for (const call of empty) call.hasArguments = true;
      return empty.map(({ index }) => ({ index, function: { arguments: "{}" } }));
    },
    get count() {
      return calls.length;
    },
  };
}
