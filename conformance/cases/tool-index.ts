import { WEATHER } from "../ask.ts";
import { type Case, expects, type Scene } from "../case.ts";
import type { Answered } from "../client.ts";
import type { Json } from "../said.ts";
import { chunk, healthy, sse } from "../upstream/replies.ts";

export const CALL = { id: "call_a", name: "weather", arguments: '{"city":"Zürich"}' };
export const OTHER = { id: "call_b", name: "weather", arguments: '{"city":"Bern"}' };
export const TOOLS = { tools: [WEATHER] };

/** The word of each dialect for a turn that ends with tool calls. */
export const CALLS_END = { chat: "tool_calls", responses: "completed", messages: "tool_use" } as const;

/** Name and parsed arguments of calls, however they were written. */
export function shape(calls: readonly { name: string; arguments: string }[]): unknown[] {
  return calls.map(({ name, arguments: words }) => {
    try {
      return [name, JSON.parse(words || "null")];
    } catch {
      return [name, `no JSON: ${words}`];
    }
  });
}

/** The reply is well, ends for its calls, and has just these. */
export function callsWell(scene: Scene, answered: Answered, calls: readonly (typeof CALL)[]): string | null {
  return (
    scene.well(answered, "") ??
    expects({
      calls: [shape(answered.said.calls), shape(calls)],
      end: [answered.said.end, CALLS_END[scene.client]],
    })
  );
}

/** A chunk with parts of tool calls, as a server may write them. */
export const callChunk = (...calls: Json[]): string => sse(chunk({ tool_calls: calls }));

const whole = ({ id, name, arguments: words }: typeof CALL, index: Json): Json => ({
  ...index,
  id,
  type: "function",
  function: { name, arguments: words },
});

const part = (index: number, words: string, more: Json = {}): Json => ({
  index,
  ...more,
  function: { arguments: words },
});

const opening = ({ id, name }: typeof CALL, index: Json): Json => ({
  ...index,
  id,
  type: "function",
  function: { name, arguments: "" },
});

/** How servers are known to number the calls of a turn; each is two parallel calls. */
const NUMBERINGS: Record<string, readonly string[]> = {
  "is missing": [callChunk(whole(CALL, {})), callChunk(whole(OTHER, {}))],
  "is always 0": [callChunk(whole(CALL, { index: 0 })), callChunk(whole(OTHER, { index: 0 }))],
  "is always 0, with arguments in parts": [
    callChunk(opening(CALL, { index: 0 })),
    callChunk(part(0, '{"city":')),
    callChunk(part(0, '"Zürich"}')),
    callChunk(opening(OTHER, { index: 0 })),
    callChunk(part(0, OTHER.arguments)),
  ],
  "begins at 1": [callChunk(whole(CALL, { index: 1 })), callChunk(whole(OTHER, { index: 2 }))],
  "is null": [callChunk(whole(CALL, { index: null })), callChunk(whole(OTHER, { index: null }))],
  "is right, in one chunk": [callChunk(whole(CALL, { index: 0 }), whole(OTHER, { index: 1 }))],
  "is right, with their parts interleaved": [
    callChunk(opening(CALL, { index: 0 }), opening(OTHER, { index: 1 })),
    callChunk(part(0, '{"city":'), part(1, '{"city":')),
    callChunk(part(1, '"Bern"}')),
    callChunk(part(0, '"Zürich"}')),
  ],
  "is right, with id and name again in each part": [
    callChunk(opening(CALL, { index: 0 })),
    callChunk({
      index: 0,
      id: CALL.id,
      type: "function",
      function: { name: "weather", arguments: CALL.arguments },
    }),
    callChunk(opening(OTHER, { index: 1 })),
    callChunk({
      index: 1,
      id: OTHER.id,
      type: "function",
      function: { name: "weather", arguments: OTHER.arguments },
    }),
  ],
  "is right, with an empty id and a null name in each part": [
    callChunk(opening(CALL, { index: 0 })),
    callChunk({ index: 0, id: "", type: "function", function: { name: null, arguments: CALL.arguments } }),
    callChunk(opening(OTHER, { index: 1 })),
    callChunk({ index: 1, id: "", type: "function", function: { name: null, arguments: OTHER.arguments } }),
  ],
};

const between = (steps: readonly string[]): string[] => [
  sse(chunk({ role: "assistant", content: null })),
  ...steps,
  sse(chunk({}, "tool_calls")),
  sse("[DONE]"),
];

/** Trap 11: which part belongs to which call. */
export const toolIndex: readonly Case[] = [
  {
    trap: 11,
    title: "parallel tool calls arrive whole and apart",
    async run(scene) {
      scene.healthy({ calls: [CALL, OTHER] });
      return callsWell(scene, await scene.ask(TOOLS), [CALL, OTHER]);
    },
  },
  ...Object.entries(NUMBERINGS).map(
    ([how, steps]): Case => ({
      trap: 11,
      title: `parallel tool calls whose index ${how}`,
      backends: ["openai"],
      streamed: [true],
      async run(scene) {
        scene.upstream({ steps: between(steps) });
        return callsWell(scene, await scene.ask(TOOLS), [CALL, OTHER]);
      },
    }),
  ),
  ...(
    [
      ["missing", {}],
      ["empty", { id: "" }],
      ["null", { id: null }],
    ] as const
  ).map(
    ([how, id]): Case => ({
      trap: 11,
      title: `a tool call whose id is ${how} gets one, once`,
      backends: ["openai"],
      streamed: [true],
      async run(scene) {
        const open = (words: string): string =>
          callChunk({ index: 0, ...id, type: "function", function: { name: "weather", arguments: words } });
        scene.upstream({ steps: between([open('{"city":'), open('"Zürich"}')]) });
        const answered = await scene.ask(TOOLS);
        return answered.said.calls[0]?.id ? callsWell(scene, answered, [CALL]) : "the call has no id";
      },
    }),
  ),
  {
    trap: 11,
    title: "a whole reply's tool calls without ids get one each",
    backends: ["openai"],
    streamed: [false],
    async run(scene) {
      const script = healthy("openai", { calls: [CALL, OTHER] }, false);
      const body = script.steps.join("").replace('"id":"call_a",', "").replace('"id":"call_b",', '"id":"",');
      scene.upstream({ steps: [body] });
      const answered = await scene.ask(TOOLS);
      const ids = new Set(answered.said.calls.map(({ id }) => id));
      if (ids.size !== 2 || ids.has("")) return `the calls have the ids ${JSON.stringify([...ids])}`;
      return callsWell(scene, answered, [CALL, OTHER]);
    },
  },
  {
    trap: 11,
    title: "two calls of one id get ids of their own",
    backends: ["openai"],
    async run(scene) {
      scene.healthy({ calls: [CALL, { ...OTHER, id: CALL.id }] });
      const answered = await scene.ask(TOOLS);
      const ids = new Set(answered.said.calls.map(({ id }) => id));
      if (ids.size !== 2) return `${answered.said.calls.length} calls have ${ids.size} ids`;
      return callsWell(scene, answered, [CALL, OTHER]);
    },
  },
];
