import { followJsonObject, type JsonEnd } from "../json-end.ts";
import type { ToolCallDelta } from "./chunk.ts";

interface KnownCall {
  /** The one that the client gets; null until the call's name is known. */
  index: number | null;
  /** The one that the server last used for it. */
  sentIndex: number | null;
  id: string | null;
  name: string | null;
  /** Arguments that came before the name. */
  held: string;
  hasArguments: boolean;
  /** The empty object was given in the place of arguments: more would make it no JSON. */
  sealed: boolean;
  arguments: JsonEnd;
}

export interface ToolCallRepair {
  /** The delta as it should have been; the same object where it was right. Null when nothing of it is for the client. */
  mend(delta: ToolCallDelta): ToolCallDelta | null;
  /** Deltas that give calls without arguments the empty object (wire trap 12); at the choice's end. */
  close(): ToolCallDelta[];
  /** How many calls have begun. */
  readonly count: number;
}

const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

/** Arguments that a server sends as an object instead of its text. */
export function argumentsText(value: unknown): string {
  if (typeof value === "string") return value;
  return value == null ? "" : JSON.stringify(value);
}

/**
 * Follows the tool calls of one choice (wire trap 11): servers leave the index out, send 0 for every call, repeat id
 * and name with each piece, give every piece another id, every call the same one, or no id at all. A new id with a
 * name is a new call, and so is a name where the call before is complete or has another; all else goes on.
 */
export function createToolCallRepair(makeId: (index: number) => string): ToolCallRepair {
  const byId = new Map<string, KnownCall>();
  const byIndex = new Map<number, KnownCall>();
  const idsGiven = new Set<string>();
  let last: KnownCall | null = null;
  const begun: KnownCall[] = [];
  let closed = false;

  const goesOn = (known: KnownCall, name: string): boolean =>
    known.name === null || (known.name === name && known.hasArguments && !known.arguments.complete);

  function findById(id: string, index: number | null, delta: ToolCallDelta): KnownCall | null {
    const name = text(delta.function?.name);
    const known = byId.get(id);
    if (known !== undefined) {
      const sameCall =
        name === null ||
        ((index === null || index === known.sentIndex) &&
          (known.name === null || known.name === name) &&
          !known.arguments.complete);
      return sameCall ? known : null;
    }
    // Arguments alone under an id of their own: older vLLM made a new id for every piece.
    const before = index === null ? last : (byIndex.get(index) ?? null);
    if (name !== null || before === null || before.name === null || before.arguments.complete) return null;
    return argumentsText(delta.function?.arguments) === "" ? null : before;
  }

  function find(delta: ToolCallDelta): KnownCall | null {
    const id = text(delta.id);
    const index = typeof delta.index === "number" ? delta.index : null;
    if (id !== null) return findById(id, index, delta);
    const name = text(delta.function?.name);
    const known = index === null ? null : (byIndex.get(index) ?? null);
    if (name === null) return known ?? last;
    const before = index === null ? last : known;
    return before !== null && goesOn(before, name) ? before : null;
  }

  function open(): KnownCall {
    return {
      index: null,
      sentIndex: null,
      id: null,
      name: null,
      held: "",
      hasArguments: false,
      sealed: false,
      arguments: followJsonObject(),
    };
  }

  function note(call: KnownCall, delta: ToolCallDelta): void {
    const id = text(delta.id);
    if (id !== null) byId.set(id, call);
    if (typeof delta.index === "number") {
      call.sentIndex = delta.index;
      byIndex.set(delta.index, call);
    }
    last = call;
    if (call.index === null) {
      call.id ??= id;
      call.name ??= text(delta.function?.name);
    }
    const given = argumentsText(delta.function?.arguments);
    if (given === "") return;
    call.hasArguments = true;
    call.arguments.push(given);
  }

  /** The delta that begins a call: with an id that no other call has, a name, and what arguments there are. */
  function begin(call: KnownCall, name: string, delta: ToolCallDelta): ToolCallDelta {
    const index = begun.length;
    const id = call.id === null || idsGiven.has(call.id) ? makeId(index) : call.id;
    idsGiven.add(id);
    call.index = index;
    begun.push(call);
    const came = call.held + argumentsText(delta.function?.arguments);
    call.held = "";
    call.sealed = closed && came === "";
    const given = call.sealed ? "{}" : came;
    const right =
      delta.index === index &&
      delta.id === id &&
      delta.type === "function" &&
      delta.function?.name === name &&
      delta.function.arguments === given;
    if (right) return delta;
    return { ...delta, index, id, type: "function", function: { ...delta.function, name, arguments: given } };
  }

  function goOn(call: KnownCall, index: number, delta: ToolCallDelta): ToolCallDelta | null {
    const given = argumentsText(delta.function?.arguments);
    const more = Object.keys(delta).some((name) => name !== "index" && name !== "function");
    const named = delta.function != null && "name" in delta.function;
    if (call.sealed) return null;
    if (!more && !named && delta.index === index && delta.function?.arguments === given) return delta;
    return given === "" ? null : { index, function: { arguments: given } };
  }

  return {
    mend(delta) {
      // A custom tool's call has its text in `custom`; only OpenAI's own models make such calls.
      if (delta.custom !== undefined) return delta;
      const call = find(delta) ?? open();
      note(call, delta);
      if (call.index !== null) return goOn(call, call.index, delta);
      if (call.name !== null) return begin(call, call.name, delta);
      call.held += argumentsText(delta.function?.arguments);
      return null;
    },
    close() {
      closed = true;
      const empty = begun.filter((call) => !call.hasArguments && !call.sealed);
      for (const call of empty) call.sealed = true;
      return empty.map(({ index }) => ({ index, function: { arguments: "{}" } }));
    },
    get count() {
      return begun.length;
    },
  };
}
