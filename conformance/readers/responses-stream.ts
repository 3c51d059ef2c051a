import {
  isObject,
  type Json,
  jsonOf,
  nothingSaid,
  objects,
  type Said,
  type StreamEvent,
  text,
} from "../said.ts";
import { readOpenAiError } from "./openai-error.ts";
import { checkResponseObject, readResponse } from "./responses.ts";
import { type Rules, rules } from "./rules.ts";

interface OpenItem {
  id: string;
  type: string;
  /** Text of each part, by its index; arguments stand at -1. */
  parts: Map<number, { words: string; closed: boolean }>;
}

interface State {
  held: Rules;
  open: Map<number, OpenItem>;
  done: Json[];
  items: number;
}

const LAST = new Set(["response.completed", "response.incomplete", "response.failed"]);

/** Deltas, what ends them, and the field of the ending that repeats all of them. */
const ENDS_OF: Record<string, { delta: string; field: string }> = {
  "response.output_text.done": { delta: "response.output_text.delta", field: "text" },
  "response.refusal.done": { delta: "response.refusal.delta", field: "refusal" },
  "response.function_call_arguments.done": {
    delta: "response.function_call_arguments.delta",
    field: "arguments",
  },
  "response.reasoning_text.done": { delta: "response.reasoning_text.delta", field: "text" },
  "response.reasoning_summary_text.done": { delta: "response.reasoning_summary_text.delta", field: "text" },
};
const DELTAS = new Set(Object.values(ENDS_OF).map(({ delta }) => delta));
const OPENS_PART = new Set(["response.content_part.added", "response.reasoning_summary_part.added"]);
const CLOSES_PART = new Set(["response.content_part.done", "response.reasoning_summary_part.done"]);

/** Reads a response's stream and holds it to its rules: numbers in sequence, items and parts that open, fill and close, one last event. */
export function readResponseStream(events: readonly StreamEvent[]): Said {
  const held = rules();
  const { expect } = held;
  const state: State = { held, open: new Map(), done: [], items: 0 };
  let final: Json | null = null;
  let error: Json | null = null;
  let next = 0;
  for (const stream of events) {
    if (stream.data === "[DONE]") {
      expect(4, false, "[DONE] in a dialect that has none");
      continue;
    }
    const event = jsonOf(stream, held.broken);
    if (event === null) continue;
    const type = text(event.type);
    expect(0, stream.name === type, `the event is named ${stream.name} and says ${type}`);
    expect(
      0,
      event.sequence_number === next,
      `sequence_number ${String(event.sequence_number)} where ${next} is next`,
    );
    expect(4, final === null && error === null, `${type} after the last event`);
    expect(0, (next === 0) === (type === "response.created") || type === "error", `${type} as event ${next}`);
    next += 1;
    if (type === "error") error = event;
    else if (LAST.has(type)) {
      final = isObject(event.response) ? event.response : {};
      expect(4, type === `response.${text(final.status)}`, `${type} with the status ${String(final.status)}`);
    } else if (type === "response.created" || type === "response.in_progress")
      checkResponseObject(isObject(event.response) ? event.response : {}, held);
    else readWithin(type, event, state);
  }
  const said = final === null ? nothingSaid() : readResponse(final);
  if (final !== null) checkOutput(final, state, said);
  if (final === null || (said.error !== null && said.text === "")) saidSoFar(state, said);
  if (error !== null) said.error = readOpenAiError(error.error ?? error, held);
  said.terminated = final !== null && said.error === null;
  said.violations = [...held.broken, ...said.violations];
  return said;
}

function checkOutput(final: Json, { held, open, done }: State, said: Said): void {
  if (said.error !== null) return;
  held.expect(0, open.size === 0, "an item is left open");
  held.expect(
    0,
    JSON.stringify(final.output) === JSON.stringify(done),
    "the output of the last event is not that of the items that were done",
  );
}

/** A stream that never came to its last event has said what its deltas said. */
function saidSoFar({ open, done }: State, said: Said): void {
  const response = readResponse({ object: "response", output: done });
  said.text = response.text;
  said.reasoning = response.reasoning;
  for (const item of open.values()) {
    const words = [...item.parts.values()].map((part) => part.words).join("");
    if (item.type === "message") said.text += words;
    else if (item.type === "reasoning") said.reasoning += words;
  }
}

function readWithin(type: string, event: Json, state: State): void {
  const { expect } = state.held;
  const index = typeof event.output_index === "number" ? event.output_index : -1;
  if (type === "response.output_item.added") {
    expect(0, index === state.items, `output_index ${index} where ${state.items} is next`);
    state.items += 1;
    const item = isObject(event.item) ? event.item : {};
    expect(0, text(item.id) !== "", "an item without an id");
    state.open.set(index, { id: text(item.id), type: text(item.type), parts: new Map() });
    return;
  }
  const item = state.open.get(index);
  expect(0, item !== undefined, `${type} of an item that is not open`);
  if (item === undefined) return;
  if (type === "response.output_item.done") {
    endItem(event, index, item, state);
    return;
  }
  expect(0, event.item_id === item.id, `${type} of the item ${String(event.item_id)} within ${item.id}`);
  const at =
    typeof event.content_index === "number"
      ? event.content_index
      : typeof event.summary_index === "number"
        ? event.summary_index
        : -1;
  readPart({ type, event, item, at, held: state.held });
}

function readPart(options: { type: string; event: Json; item: OpenItem; at: number; held: Rules }): void {
  const { type, event, item, at } = options;
  const { expect } = options.held;
  if (OPENS_PART.has(type)) {
    expect(0, at === item.parts.size, `part ${at} where ${item.parts.size} is next`);
    item.parts.set(at, { words: "", closed: false });
    return;
  }
  if (type === "response.function_call_arguments.delta" && !item.parts.has(at))
    item.parts.set(at, { words: "", closed: false });
  const part = item.parts.get(at);
  if (DELTAS.has(type)) {
    expect(0, part !== undefined && !part.closed, `${type} of a part that is not open`);
    if (part !== undefined) part.words += text(event.delta);
    return;
  }
  const end = ENDS_OF[type];
  if (end !== undefined) {
    // A call without arguments may have no delta.
    const words = part?.words ?? "";
    const same = event[end.field] === words || (end.field === "arguments" && words === "");
    expect(0, same, `${type} says something else than its deltas`);
    item.parts.set(at, { words: text(event[end.field]), closed: part?.closed ?? false });
    return;
  }
  if (CLOSES_PART.has(type)) {
    expect(0, part !== undefined && !part.closed, `${type} of a part that is not open`);
    const told = isObject(event.part) ? text(event.part.text) || text(event.part.refusal) : "";
    expect(0, told === part?.words, `${type} says something else than its deltas`);
    if (part !== undefined) part.closed = true;
    return;
  }
  expect(0, type === "response.output_text.annotation.added", `an event of type ${type}`);
}

function endItem(event: Json, index: number, open: OpenItem, state: State): void {
  const { expect } = state.held;
  const item = isObject(event.item) ? event.item : {};
  expect(0, item.id === open.id, "an item ends with another id");
  expect(0, item.type === open.type, "an item ends with another type");
  const words = [...open.parts.values()].map((part) => part.words).join("");
  const parts = [...objects(item.content), ...objects(item.summary)];
  const told =
    item.type === "function_call"
      ? text(item.arguments)
      : parts.map((part) => text(part.text) || text(part.refusal)).join("");
  expect(0, told === words, "an item says something else than its deltas");
  for (const [at, part] of open.parts)
    expect(0, at === -1 || part.closed, `part ${at} is left open when its item ends`);
  state.open.delete(index);
  state.done.push(item);
}
