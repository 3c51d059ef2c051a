import { type Case, expects } from "../case.ts";
import type { Json } from "../said.ts";
import { chunk, events, named, sse } from "../upstream/replies.ts";
import { CALL, callChunk, OTHER, shape, TOOLS } from "./tool-index.ts";

const call = (more: Json): Json => ({ tool_calls: [{ index: 0, ...more }] });
const opening = (words: string): Json =>
  call({ id: CALL.id, type: "function", function: { name: CALL.name, arguments: words } });
const END = [sse(chunk({}, "tool_calls")), sse("[DONE]")];

/** Streams of chunks in which one kind of content follows another. */
const CHANGES: Record<
  string,
  { steps: readonly string[]; text: string; reasoning: string; calls: (typeof CALL)[] }
> = {
  "reasoning, then text, then a call in the same delta as text": {
    steps: [
      sse(chunk({ role: "assistant", reasoning_content: "hm" })),
      sse(chunk({ content: "a" })),
      sse(chunk({ content: "b", ...opening('{"ci') })),
      sse(chunk(call({ function: { arguments: 'ty":"Zürich"}' } }))),
    ],
    text: "ab",
    reasoning: "hm",
    calls: [CALL],
  },
  "reasoning and text in one delta": {
    steps: [
      sse(chunk({ role: "assistant", reasoning_content: "hm", content: "a" })),
      sse(chunk(opening(CALL.arguments))),
    ],
    text: "a",
    reasoning: "hm",
    calls: [CALL],
  },
  "text after a call": {
    steps: [sse(chunk({ role: "assistant", ...opening(CALL.arguments) })), sse(chunk({ content: "so" }))],
    text: "so",
    reasoning: "",
    calls: [CALL],
  },
  "two calls whose parts are interleaved": {
    steps: [
      sse(chunk({ role: "assistant" })),
      callChunk(
        { index: 0, id: CALL.id, type: "function", function: { name: CALL.name, arguments: '{"city":' } },
        { index: 1, id: OTHER.id, type: "function", function: { name: OTHER.name, arguments: '{"city":' } },
      ),
      callChunk({ index: 1, function: { arguments: '"Bern"}' } }),
      callChunk({ index: 0, function: { arguments: '"Zürich"}' } }),
    ],
    text: "",
    reasoning: "",
    calls: [CALL, OTHER],
  },
  "reasoning that goes on after text": {
    steps: [
      sse(chunk({ role: "assistant", reasoning_content: "h" })),
      sse(chunk({ content: "a" })),
      sse(chunk({ reasoning_content: "m" })),
      sse(chunk({ content: "b" })),
      sse(chunk(opening(CALL.arguments))),
    ],
    text: "ab",
    reasoning: "hm",
    calls: [CALL],
  },
};

/** Trap 13: one block open at a time, its type fixed by its first delta, nothing lost at the change. */
export const blocks: readonly Case[] = [
  {
    trap: 13,
    title: "a healthy stream keeps the rules of its blocks",
    clients: ["messages"],
    streamed: [true],
    async run(scene) {
      scene.healthy({ reasoning: ["hm"], text: ["a", "b"], calls: [CALL, OTHER] });
      const answered = await scene.ask(TOOLS);
      return (
        scene.well(answered, "ab") ?? expects({ calls: [shape(answered.said.calls), shape([CALL, OTHER])] })
      );
    },
  },
  ...Object.entries(CHANGES).map(
    ([how, { steps, text, reasoning, calls }]): Case => ({
      trap: 13,
      title: how,
      clients: ["messages", "responses"],
      backends: ["openai"],
      streamed: [true],
      async run(scene) {
        scene.upstream({ steps: [...steps, ...END] });
        const answered = await scene.ask(TOOLS);
        return (
          scene.well(answered, text) ??
          expects({
            reasoning: [answered.said.reasoning, reasoning],
            calls: [shape(answered.said.calls), shape(calls)],
          })
        );
      },
    }),
  ),
  {
    trap: 13,
    title: "a second message_start is mended",
    backends: ["anthropic"],
    streamed: [true],
    async run(scene) {
      const all = events("anthropic", { text: ["a", "b"] });
      scene.upstream({ steps: [all[0] ?? "", ...all, named({ type: "ping" })] });
      return scene.well(await scene.ask(), "ab");
    },
  },
  {
    trap: 13,
    title: "blocks that are numbered with gaps are mended",
    backends: ["anthropic"],
    streamed: [true],
    async run(scene) {
      const all = events("anthropic", { text: ["a", "b"], calls: [CALL] });
      scene.upstream({
        steps: all.map((event) => event.replace('"index":1', '"index":4').replace('"index":0', '"index":2')),
      });
      const answered = await scene.ask(TOOLS);
      return scene.well(answered, "ab") ?? expects({ calls: [shape(answered.said.calls), shape([CALL])] });
    },
  },
];
