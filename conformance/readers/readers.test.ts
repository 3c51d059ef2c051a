import { describe, expect, it } from "vitest";
import { readEventStream } from "../http/sse.ts";
import { isObject, type Json, type Said } from "../said.ts";
import { chunk, events, named, type Saying, sse, USAGE, whole } from "../upstream/replies.ts";
import { readChat } from "./chat.ts";
import { readChatStream } from "./chat-stream.ts";
import { readMessage } from "./messages.ts";
import { readMessageStream } from "./messages-stream.ts";
import { readResponse } from "./responses.ts";
import { readResponseStream } from "./responses-stream.ts";

const CALLS = [
  { id: "call_a", name: "weather", arguments: '{"city":"Zürich"}' },
  { id: "call_b", name: "weather", arguments: '{"city":"Bern"}' },
];
const SAYING: Saying = { reasoning: ["h", "m"], text: ["a", "b"], calls: CALLS };

const parsed = (parts: readonly string[]) => readEventStream(Buffer.from(parts.join(""))).events;

const STREAMS = {
  openai: (parts: readonly string[]) => readChatStream(parsed(parts), { wantsUsage: true }),
  anthropic: (parts: readonly string[]) => readMessageStream(parsed(parts)),
  responses: (parts: readonly string[]) => readResponseStream(parsed(parts)),
};
const WHOLES = { openai: readChat, anthropic: readMessage, responses: readResponse };

type Backend = keyof typeof STREAMS;

const traps = (said: Said): number[] =>
  [...new Set(said.violations.map(({ trap }) => trap))].sort((a, b) => a - b);

describe.each(["openai", "anthropic"] as const)("healthy replies of %s", (backend) => {
  it.each([
    ["stream", STREAMS[backend](events(backend, SAYING))],
    ["whole", WHOLES[backend](whole(backend, SAYING))],
  ])("break no rule: %s", (_how, said) => {
    expect(said).toMatchObject({
      violations: [],
      reasoning: "hm",
      text: "ab",
      calls: CALLS,
      usage: USAGE,
      terminated: true,
      error: null,
    });
  });
});

describe("healthy responses", () => {
  it.each([
    ["stream", STREAMS.responses(events("responses", { text: ["a", "b"] }))],
    ["whole", WHOLES.responses(whole("responses", { text: ["a", "b"] }))],
  ])("break no rule: %s", (_how, said) => {
    expect(said).toMatchObject({
      violations: [],
      text: "ab",
      usage: USAGE,
      end: "completed",
      terminated: true,
    });
  });
});

/** What breaks a healthy stream, and the traps that it is told under. */
const BROKEN: Record<Backend, Record<string, { make: (all: string[]) => string[]; traps: number[] }>> = {
  openai: {
    "no terminator": { make: (all) => all.slice(0, -1), traps: [] },
    "two terminators": { make: (all) => [...all, sse("[DONE]")], traps: [4] },
    "content after the terminator": { make: (all) => [...all, all[1] ?? ""], traps: [4] },
    "an id that changes": {
      make: (all) => [...all.slice(0, 2), sse(chunk({}, null, { id: "x" })), ...all.slice(2)],
      traps: [5],
    },
    "a role that comes twice": { make: (all) => [all[0] ?? "", ...all], traps: [5] },
    "no role": { make: (all) => all.slice(1), traps: [5] },
    "no end": { make: (all) => all.filter((event) => !event.includes('"finish_reason":"')), traps: [5] },
    "an empty finish_reason": {
      make: (all) => all.map((event) => event.replace('"finish_reason":null', '"finish_reason":""')),
      traps: [5],
    },
    "an unknown finish_reason": {
      make: (all) => all.map((event) => event.replace('tool_calls"}', 'eos"}')),
      traps: [16],
    },
    "content after the end": {
      make: (all) => [...all.slice(0, -1), sse(chunk({ content: "x" })), ...all.slice(-1)],
      traps: [5],
    },
    "usage twice": { make: (all) => [...all.slice(0, -1), all.at(-2) ?? "", ...all.slice(-1)], traps: [7] },
    "a call's index that repeats": {
      make: (all) => all.map((event) => event.replace('[{"index":1,"id"', '[{"index":0,"id"')),
      traps: [11],
    },
    "a call without an id": {
      make: (all) => all.map((event) => event.replace('"id":"call_a",', "")),
      traps: [11],
    },
    "arguments that are cut": {
      make: (all) => all.map((event) => event.replace('Bern\\"}', "Bern")),
      traps: [12],
    },
    "no JSON": { make: (all) => ["data: {oops\n\n", ...all], traps: [1] },
    "an error, then a terminator": {
      make: (all) => [...all.slice(0, 3), sse({ error: { message: "x", type: "y" } }), sse("[DONE]")],
      traps: [4],
    },
    "an error of no shape": { make: (all) => [...all.slice(0, 3), sse({ error: "x" })], traps: [18] },
  },
  anthropic: {
    "no terminator": { make: (all) => all.slice(0, -1), traps: [] },
    "two terminators": { make: (all) => [...all, all.at(-1) ?? ""], traps: [4] },
    "no start": { make: (all) => all.slice(1), traps: [13] },
    "two starts": { make: (all) => [all[0] ?? "", ...all], traps: [13] },
    "a block that is not closed": { make: (all) => without(all, "content_block_stop", 0), traps: [13] },
    "indices with a gap": {
      make: (all) => all.map((event) => event.replace('"index":3', '"index":5')),
      traps: [13],
    },
    "a delta of another type": {
      make: (all) => all.map((event) => event.replace("text_delta", "thinking_delta")),
      traps: [13],
    },
    "no message_delta": { make: (all) => without(all, "message_delta", 0), traps: [13, 16] },
    "usage of zero": {
      make: (all) =>
        all.map((event) =>
          event.replace('"input_tokens":12,"cache_read_input_tokens":8', '"input_tokens":0'),
        ),
      traps: [9],
    },
    "no stop_reason": {
      make: (all) => all.map((event) => event.replace('"stop_reason":"tool_use"', '"stop_reason":null')),
      traps: [16],
    },
    "arguments that are cut": {
      make: (all) => all.map((event) => event.replace('Bern\\"}', "Bern")),
      traps: [12],
    },
    "an id that is no id": {
      make: (all) => all.map((event) => event.replace("call_a", "call.a")),
      traps: [11],
    },
    "a name that is not its type": {
      make: (all) => all.map((event) => event.replace("event: message_stop", "event: stop")),
      traps: [1],
    },
    "an error, then the end": {
      make: (all) => [
        ...all.slice(0, 4),
        named({ type: "error", error: { type: "api_error", message: "x" } }),
        all.at(-1) ?? "",
      ],
      traps: [4, 13],
    },
  },
  responses: {
    "no terminator": { make: (all) => all.slice(0, -1), traps: [] },
    "[DONE]": { make: (all) => [...all, sse("[DONE]")], traps: [4] },
    "a number that is left out": { make: (all) => without(all, "in_progress", 1), traps: [0] },
    "a last event of another status": {
      make: (all) =>
        all.map((event) =>
          event.replace('"status":"completed","background"', '"status":"failed","background"'),
        ),
      traps: [4],
    },
    "text that is not its deltas": {
      make: (all) => all.map((event) => event.replace('"delta":"b"', '"delta":"c"')),
      traps: [0],
    },
    "an output that is not its items": {
      make: (all) => [...all.slice(0, -1), (all.at(-1) ?? "").replace('"text":"ab"', '"text":"xy"')],
      traps: [0],
    },
    "a part that is not opened": {
      make: (all) => renumbered(without(all, "content_part.added", 0)),
      traps: [0],
    },
    "an item that is not closed": {
      make: (all) => renumbered(without(all, "output_item.done", 0)),
      traps: [0],
    },
    "a response without its fields": {
      make: (all) => all.map((event) => event.replace('"parallel_tool_calls":true,', "")),
      traps: [0],
    },
    "usage whose sum is wrong": {
      make: (all) => all.map((event) => event.replace('"total_tokens":26', '"total_tokens":1')),
      traps: [8],
    },
    "events without names": {
      make: (all) => all.map((event) => event.replace(/^event: .*\n/, "")),
      traps: [0],
    },
  },
};

/** All but one event that has the words: the one of that number. */
function without(all: readonly string[], words: string, number: number): string[] {
  const found = all.filter((event) => event.includes(words));
  return all.filter((event) => event !== found[number]);
}

const renumbered = (all: readonly string[]): string[] =>
  all.map((event, at) => event.replace(/"sequence_number":\d+/, `"sequence_number":${at}`));

describe.each(Object.entries(BROKEN))("a stream of %s that has", (backend, table) => {
  it.each(Object.entries(table))("%s", (_what, { make, traps: wanted }) => {
    const saying = backend === "responses" ? { text: ["a", "b"] } : SAYING;
    const healthy = events(backend as Backend, saying);
    const broken = make(healthy);
    expect(broken).not.toEqual(healthy);
    const said = STREAMS[backend as Backend](broken);
    expect(traps(said)).toEqual(wanted);
    // Without a rule broken it must at least lack its end.
    if (wanted.length === 0) expect(said.terminated).toBe(false);
  });
});

const BROKEN_WHOLES: [Backend, string, (body: Json) => Json, number[]][] = [
  ["openai", "no id", ({ id: _, ...body }) => body, [5]],
  ["openai", "no choices", (body) => ({ ...body, choices: [] }), [5]],
  ["openai", "an error of no shape", () => ({ error: "x" }), [18]],
  [
    "openai",
    "arguments that are an object",
    (body) => replaced(body, /"arguments":"[^}]*}"/, '"arguments":{}'),
    [12],
  ],
  ["openai", "an empty finish_reason", (body) => replaced(body, '"tool_calls"}', '""}'), [16]],
  ["openai", "a sum that is wrong", (body) => replaced(body, '"total_tokens":26', '"total_tokens":1'), [8]],
  ["anthropic", "no stop_reason", (body) => ({ ...body, stop_reason: null }), [16]],
  [
    "anthropic",
    "an input that is text",
    (body) => replaced(body, '"input":{"city":"Bern"}', '"input":"{}"'),
    [12],
  ],
  ["anthropic", "an error of OpenAI's shape", () => ({ error: { type: "x", message: "y" } }), [18]],
  ["anthropic", "no usage", ({ usage: _, ...body }) => body, [9]],
  ["responses", "no annotations", (body) => replaced(body, '"annotations":[],', ""), [0]],
  ["responses", "a status without its reason", (body) => ({ ...body, status: "incomplete" }), [16]],
  ["responses", "no details of usage", (body) => replaced(body, '"input_tokens_details"', '"x"'), [8]],
];

function replaced(body: Json, from: string | RegExp, to: string): Json {
  const json: unknown = JSON.parse(JSON.stringify(body).replace(from, to));
  if (!isObject(json)) throw new Error("no object");
  return json;
}

describe("a whole reply that has", () => {
  it.each(BROKEN_WHOLES)("%s: %s", (backend, _what, make, wanted) => {
    const saying = backend === "responses" ? { text: ["a", "b"] } : SAYING;
    expect(traps(WHOLES[backend](make(whole(backend, saying))))).toEqual(wanted);
  });
});
