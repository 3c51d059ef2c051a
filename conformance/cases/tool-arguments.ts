import { type Case, expects } from "../case.ts";
import type { Json } from "../said.ts";
import { chunk, events, healthy, named, sse, whole } from "../upstream/replies.ts";
import { CALL, callChunk, callsWell, OTHER, shape, TOOLS } from "./tool-index.ts";

const NONE = { ...CALL, arguments: "{}" };
const head = { id: CALL.id, type: "function" };

/** How servers are known to write the arguments of a call in a whole reply. */
const WRITTEN: Record<string, { words: unknown; meant: typeof CALL }> = {
  "an empty string": { words: "", meant: NONE },
  null: { words: null, meant: NONE },
  "nothing at all": { words: undefined, meant: NONE },
  "an object instead of its text": { words: { city: "Zürich" }, meant: CALL },
  "blanks around them": { words: `\n ${CALL.arguments} \n`, meant: CALL },
};

const withArguments = (words: unknown): Json => {
  const reply = whole("openai", { calls: [CALL] });
  return JSON.parse(
    JSON.stringify(reply, (key, value) =>
      key === "function" ? { name: value.name, arguments: words } : value,
    ),
  );
};

/** Trap 12: arguments are an object in JSON, whatever the backend made of them. */
export const toolArguments: readonly Case[] = [
  {
    trap: 12,
    title: "a tool without arguments gets {}",
    async run(scene) {
      scene.healthy({ calls: [{ ...CALL, arguments: "" }] });
      const answered = await scene.ask(TOOLS);
      return (
        callsWell(scene, answered, [NONE]) ?? expects({ words: [answered.said.calls[0]?.arguments, "{}"] })
      );
    },
  },
  {
    trap: 12,
    title: "the first of several tools without arguments gets {} too",
    async run(scene) {
      scene.healthy({ calls: [{ ...CALL, arguments: "" }, OTHER] });
      return callsWell(scene, await scene.ask(TOOLS), [NONE, OTHER]);
    },
  },
  {
    trap: 12,
    title: "text before a call without arguments",
    async run(scene) {
      scene.healthy({ text: ["Let me ", "look."], calls: [{ ...CALL, arguments: "" }] });
      const answered = await scene.ask(TOOLS);
      return (
        scene.well(answered, "Let me look.") ??
        expects({ calls: [shape(answered.said.calls), shape([NONE])] })
      );
    },
  },
  {
    trap: 12,
    title: "arguments that come only at the end, with the reason to stop",
    backends: ["openai"],
    streamed: [true],
    async run(scene) {
      const call = (details: Json): Json => ({ tool_calls: [{ index: 0, ...details }] });
      scene.upstream({
        steps: [
          sse(
            chunk({ role: "assistant", ...call({ ...head, function: { name: "weather", arguments: "" } }) }),
          ),
          sse(chunk(call({ function: { arguments: CALL.arguments } }), "tool_calls")),
          sse("[DONE]"),
        ],
      });
      return callsWell(scene, await scene.ask(TOOLS), [CALL]);
    },
  },
  {
    trap: 12,
    title: "a call that comes whole in the chunk that ends",
    backends: ["openai"],
    streamed: [true],
    async run(scene) {
      const call = { index: 0, ...head, function: { name: "weather", arguments: CALL.arguments } };
      scene.upstream({
        steps: [sse(chunk({ role: "assistant", tool_calls: [call] }, "tool_calls")), sse("[DONE]")],
      });
      return callsWell(scene, await scene.ask(TOOLS), [CALL]);
    },
  },
  {
    trap: 12,
    title: "a name that comes after its call's id",
    backends: ["openai"],
    streamed: [true],
    async run(scene) {
      scene.upstream({
        steps: [
          sse(chunk({ role: "assistant" })),
          callChunk({ index: 0, ...head }),
          callChunk({ index: 0, function: { name: "weather" } }),
          callChunk({ index: 0, function: { arguments: CALL.arguments } }),
          sse(chunk({}, "tool_calls")),
          sse("[DONE]"),
        ],
      });
      const answered = await scene.ask(TOOLS);
      // A chat client may get the name when it comes: it adds the parts up by index.
      return scene.client === "chat"
        ? expects({ arguments: [answered.said.calls[0]?.arguments, CALL.arguments] })
        : callsWell(scene, answered, [CALL]);
    },
  },
  ...Object.entries(WRITTEN).flatMap(([how, { words, meant }]): Case[] => [
    {
      trap: 12,
      title: `arguments that a whole reply writes as ${how}`,
      backends: ["openai"],
      streamed: [false],
      async run(scene) {
        scene.upstream({ steps: [JSON.stringify(withArguments(words))] });
        return callsWell(scene, await scene.ask(TOOLS), [meant]);
      },
    },
    {
      trap: 12,
      title: `arguments that a stream writes as ${how}`,
      backends: ["openai"],
      streamed: [true],
      async run(scene) {
        scene.upstream({
          steps: [
            sse(chunk({ role: "assistant" })),
            callChunk({ index: 0, ...head, function: { name: "weather", arguments: words } }),
            sse(chunk({}, "tool_calls")),
            sse("[DONE]"),
          ],
        });
        return callsWell(scene, await scene.ask(TOOLS), [meant]);
      },
    },
  ]),
  {
    trap: 12,
    title: "input that stands in content_block_start, without a delta",
    backends: ["anthropic"],
    streamed: [true],
    clients: ["chat", "responses"],
    async run(scene) {
      const all = events("anthropic", { calls: [CALL] }).filter(
        (event) => !event.includes("input_json_delta"),
      );
      const start = named({
        type: "content_block_start",
        index: 0,
        content_block: { type: "tool_use", id: CALL.id, name: CALL.name, input: { city: "Zürich" } },
      });
      scene.upstream({ steps: all.map((event) => (event.includes("content_block_start") ? start : event)) });
      return callsWell(scene, await scene.ask(TOOLS), [CALL]);
    },
  },
  {
    trap: 12,
    title: "arguments with every kind of character arrive as they were",
    async run(scene) {
      const words = JSON.stringify({ city: 'Zü"ri\\ch\n\t\u2028👋', deep: [{ a: null, b: 1e21, c: true }] });
      scene.upstream(healthy(scene.backend, { calls: [{ ...CALL, arguments: words }] }, scene.streamed));
      return callsWell(scene, await scene.ask(TOOLS), [{ ...CALL, arguments: words }]);
    },
  },
];
