import { type Case, expects, type Scene } from "../case.ts";
import { CHAT_USAGE, chunk, events, healthy, named, sse, USAGE, USAGE_EVENT } from "../upstream/replies.ts";

const WORDS = { text: ["a", "b"] };
const STREAMED = [true] as const;
const ASKED = { stream_options: { include_usage: true } };
const EARLY = { ...CHAT_USAGE, completion_tokens: 0, total_tokens: USAGE.input };
const END = [sse(chunk({}, "stop"))];
const HEAD = [sse(chunk({ role: "assistant", content: "a" })), sse(chunk({ content: "b" }))];

/** Streamed chat clients get usage where they ask for it; the others always. */
const asking = ({ client, streamed }: Scene) => ({ extra: client === "chat" && streamed ? ASKED : {} });

/** Where servers put their usage. */
const PLACES: Record<string, readonly string[]> = {
  "on the chunk that ends": [...HEAD, sse(chunk({}, "stop", { usage: CHAT_USAGE })), sse("[DONE]")],
  "on a chunk with content": [
    HEAD[0] ?? "",
    sse(chunk({ content: "b" }, null, { usage: CHAT_USAGE })),
    ...END,
    sse("[DONE]"),
  ],
  "first, and never again": [USAGE_EVENT, ...HEAD, ...END, sse("[DONE]")],
  "on every chunk, growing": [
    sse(chunk({ role: "assistant", content: "a" }, null, { usage: EARLY })),
    sse(chunk({ content: "b" }, null, { usage: { ...EARLY, completion_tokens: 3, total_tokens: 23 } })),
    sse(chunk({}, "stop", { usage: CHAT_USAGE })),
    sse("[DONE]"),
  ],
  "before the end, null after it": [
    ...HEAD,
    sse(chunk({}, null, { usage: CHAT_USAGE })),
    sse(chunk({}, "stop", { usage: null })),
    sse("[DONE]"),
  ],
  "twice, at the end": [...HEAD, sse(chunk({}, "stop", { usage: CHAT_USAGE })), USAGE_EVENT, sse("[DONE]")],
};

/** Traps 6 to 9: tokens are asked for, found and counted as the client's dialect counts them. */
export const usage: readonly Case[] = [
  {
    trap: 6,
    title: "the backend is asked for usage, whether the client asked or not",
    backends: ["openai"],
    streamed: STREAMED,
    async run(scene) {
      scene.healthy(WORDS);
      const answered = await scene.ask();
      return (
        scene.well(answered, "ab") ??
        expects({ options: [scene.received()[0]?.body.stream_options, { include_usage: true }] })
      );
    },
  },
  {
    trap: 6,
    title: "the usage chunk comes where it was asked for, and only there",
    clients: ["chat"],
    streamed: STREAMED,
    async run(scene) {
      scene.healthy(WORDS);
      const unasked = await scene.ask();
      const asked = await scene.ask({ extra: ASKED });
      const last = asked.events.at(-2)?.data ?? "";
      return (
        scene.well(unasked, "ab") ??
        scene.well(asked, "ab") ??
        expects({
          unasked: [unasked.events.some(({ data }) => data.includes('"choices":[]')), false],
          asked: [asked.said.usage, USAGE],
          last: [last.includes('"choices":[]') && last.includes('"usage":{'), true],
        })
      );
    },
  },
  ...Object.entries(PLACES).map(
    ([place, steps]): Case => ({
      trap: 7,
      title: `usage that comes ${place}`,
      backends: ["openai"],
      streamed: STREAMED,
      async run(scene) {
        scene.upstream({ steps });
        const answered = await scene.ask(asking(scene));
        return scene.well(answered, "ab") ?? expects({ usage: [answered.said.usage, USAGE] });
      },
    }),
  ),
  {
    trap: 8,
    title: "tokens from a cache are counted as the client's dialect counts them",
    async run(scene) {
      scene.upstream(healthy(scene.backend, WORDS, scene.streamed));
      const answered = await scene.ask(asking(scene));
      return scene.well(answered, "ab") ?? expects({ usage: [answered.said.usage, USAGE] });
    },
  },
  {
    trap: 8,
    title: "tokens written to a cache are among the prompt's",
    backends: ["anthropic"],
    async run(scene) {
      const steps = healthy("anthropic", WORDS, scene.streamed).steps.map((step) =>
        typeof step === "string"
          ? step.replace('"cache_creation_input_tokens":0', '"cache_creation_input_tokens":100')
          : step,
      );
      scene.upstream({ steps });
      const answered = await scene.ask(asking(scene));
      return (
        scene.well(answered, "ab") ??
        expects({ usage: [answered.said.usage, { ...USAGE, input: USAGE.input + 100 }] })
      );
    },
  },
  {
    trap: 8,
    title: "counts that the backend corrects at its end are the ones that are told",
    backends: ["anthropic"],
    streamed: STREAMED,
    async run(scene) {
      const all = events("anthropic", WORDS);
      const last = named({
        type: "message_delta",
        delta: { stop_reason: "end_turn", stop_sequence: null },
        usage: {
          input_tokens: 30,
          cache_read_input_tokens: 4,
          cache_creation_input_tokens: 0,
          output_tokens: 9,
        },
      });
      scene.upstream({ steps: all.map((event) => (event.includes("message_delta") ? last : event)) });
      const answered = await scene.ask(asking(scene));
      return (
        scene.well(answered, "ab") ??
        expects({ usage: [answered.said.usage, { input: 34, cached: 4, output: 9 }] })
      );
    },
  },
  {
    trap: 9,
    title: "message_start tells usage that is not zero, and message_delta corrects it",
    clients: ["messages"],
    streamed: STREAMED,
    async run(scene) {
      scene.healthy(WORDS);
      const answered = await scene.ask();
      const start = JSON.parse(answered.events.find(({ name }) => name === "message_start")?.data ?? "{}");
      const input = start.message?.usage?.input_tokens ?? 0;
      if (input <= 0) return `message_start tells ${input} tokens of input`;
      return scene.well(answered, "ab") ?? expects({ usage: [answered.said.usage, USAGE] });
    },
  },
  {
    trap: 9,
    title: "a longer prompt is estimated longer, and a backend without usage ends with the estimate",
    clients: ["messages"],
    backends: ["openai"],
    streamed: STREAMED,
    async run(scene) {
      scene.upstream({ steps: [...HEAD, ...END, sse("[DONE]")] });
      const short = await scene.ask();
      const long = await scene.ask({
        turns: [{ role: "user", text: "all of these words count. ".repeat(400) }],
      });
      const [a, b] = [short.said.usage?.input ?? 0, long.said.usage?.input ?? 0];
      if (a <= 0 || b < a + 1_000) return `a short prompt has ${a} tokens, and one of 2,000 words ${b}`;
      return scene.well(short, "ab") ?? scene.well(long, "ab");
    },
  },
];
