import { type Case, expects, saysWell } from "../case.ts";
import { chunk, events, healthy, named, pieces, sse, USAGE } from "../upstream/replies.ts";

const WORDS = { text: ["Grüße ", "👋 aus ", "Zürich"] };
const ALL = WORDS.text.join("");
const STREAMED = [true] as const;

/** Traps 1 to 5 and 19: what stands between the bytes and the events. */
export const framing: readonly Case[] = [
  {
    trap: 1,
    title: "CRLF line ends",
    streamed: STREAMED,
    async run(scene) {
      const text = events(scene.backend, WORDS).join("").replaceAll("\n", "\r\n");
      scene.upstream({ steps: [text] });
      return saysWell(await scene.ask(), ALL);
    },
  },
  {
    trap: 1,
    title: "UTF-8 split across segments",
    streamed: STREAMED,
    async run(scene) {
      scene.upstream({ steps: pieces(events(scene.backend, WORDS).join(""), 7) });
      return saysWell(await scene.ask(), ALL);
    },
  },
  {
    trap: 1,
    title: "comments between events",
    streamed: STREAMED,
    async run(scene) {
      const steps = events(scene.backend, WORDS).flatMap((event) => [": PROCESSING\n\n", event]);
      scene.upstream({ steps });
      return saysWell(await scene.ask(), ALL);
    },
  },
  {
    trap: 1,
    title: "an event of several data lines",
    streamed: STREAMED,
    async run(scene) {
      const steps = events(scene.backend, WORDS).map((event) =>
        event.replace(/^data: \{"/m, 'data: {\ndata: "'),
      );
      scene.upstream({ steps });
      return saysWell(await scene.ask(), ALL);
    },
  },
  {
    trap: 1,
    title: "a last event without its blank line",
    streamed: STREAMED,
    async run(scene) {
      const all = events(scene.backend, WORDS);
      scene.upstream({ steps: [...all.slice(0, -1), all.at(-1)?.trimEnd() ?? ""] });
      return saysWell(await scene.ask(), ALL);
    },
  },
  {
    trap: 2,
    title: "the same dialect passes byte for byte",
    clients: ["chat"],
    backends: ["openai"],
    async run(scene) {
      const script = healthy("openai", WORDS, scene.streamed);
      const body = script.steps.join("").replaceAll('"object":', '"object" :  ');
      scene.upstream({ steps: [body] });
      const answered = await scene.ask({
        extra: scene.streamed ? { stream_options: { include_usage: true } } : {},
      });
      return expects({ bytes: [answered.bytes.toString(), body] });
    },
  },
  {
    trap: 2,
    title: "the same dialect passes byte for byte",
    clients: ["messages"],
    backends: ["anthropic"],
    async run(scene) {
      const body = healthy("anthropic", WORDS, scene.streamed)
        .steps.join("")
        .replaceAll('"type":', '"type" :  ');
      scene.upstream({ steps: [body] });
      return expects({ bytes: [(await scene.ask()).bytes.toString(), body] });
    },
  },
  {
    trap: 2,
    title: "events are not held back: each is there when its backend has sent it",
    streamed: STREAMED,
    async run(scene) {
      const all = events(scene.backend, { text: ["one", "two"] });
      const content = all.findIndex((event) => event.includes("two"));
      scene.upstream({ steps: [...all.slice(0, content), { waitMs: 1_500 }, ...all.slice(content)] });
      const answered = await scene.ask();
      if (answered.firstByteMs > 1_000)
        return `the first byte came after ${Math.round(answered.firstByteMs)} ms`;
      return saysWell(answered, "onetwo");
    },
  },
  {
    trap: 4,
    title: "one terminator, also where the backend sends two, or none after its end",
    streamed: STREAMED,
    async run(scene) {
      const all = events(scene.backend, WORDS);
      const last = all.at(-1) ?? "";
      scene.upstream((_request, turn) => ({ steps: turn === 0 ? [...all, last] : all.slice(0, -1) }));
      return saysWell(await scene.ask(), ALL) ?? saysWell(await scene.ask(), ALL);
    },
  },
  {
    trap: 5,
    title: "one id, time and model; the role once; `finish_reason` null until the last",
    backends: ["openai"],
    streamed: STREAMED,
    async run(scene) {
      const delta = (content: string, at: number) =>
        sse(chunk({ role: "assistant", content }, "", { id: `id-${at}`, created: at }));
      scene.upstream({
        steps: [delta("a", 1), delta("b", 2), sse(chunk({ role: "assistant" }, "stop")), sse("[DONE]")],
      });
      return saysWell(await scene.ask(), "ab");
    },
  },
  {
    trap: 19,
    title: "a stream that ends without its terminator is a failure",
    streamed: STREAMED,
    async run(scene) {
      const all = events(scene.backend, { text: ["half", " of it"] });
      const cutAt = all.findIndex((event) => event.includes("of it"));
      scene.upstream({ steps: all.slice(0, cutAt), unframed: true });
      const { said } = await scene.ask();
      if (said.error === null) return "no error in the stream";
      return expects({ terminated: [said.terminated, false], text: [said.text, "half"] });
    },
  },
  {
    trap: 19,
    title: "a cut connection in the middle is a failure",
    streamed: STREAMED,
    async run(scene) {
      const all = events(scene.backend, { text: ["half", " of it"] });
      const cutAt = all.findIndex((event) => event.includes("of it"));
      scene.upstream({ steps: [...all.slice(0, cutAt), { waitMs: 50 }, { cut: true }] });
      const { said } = await scene.ask();
      if (said.error === null) return "no error in the stream";
      return expects({ terminated: [said.terminated, false], violations: [said.violations, []] });
    },
  },
  {
    trap: 19,
    title: "one malformed event is skipped",
    streamed: STREAMED,
    async run(scene) {
      const all = events(scene.backend, WORDS);
      const broken =
        scene.backend === "openai"
          ? 'data: {"id": "x", "cho\n\n'
          : 'event: content_block_delta\ndata: {"type": "con\n\n';
      scene.upstream({ steps: [...all.slice(0, 3), broken, ...all.slice(3)] });
      return saysWell(await scene.ask(), ALL);
    },
  },
  {
    trap: 6,
    title: "usage is asked for, and its chunk is not shown unasked",
    clients: ["chat"],
    streamed: STREAMED,
    async run(scene) {
      scene.upstream(healthy(scene.backend, WORDS, true));
      const unasked = await scene.ask();
      const asked = await scene.ask({ extra: { stream_options: { include_usage: true } } });
      return (
        saysWell(unasked, ALL) ??
        saysWell(asked, ALL) ??
        expects({
          unasked: [unasked.said.usage, null],
          asked: [asked.said.usage, USAGE],
        })
      );
    },
  },
  {
    trap: 7,
    title: "usage on a chunk with choices, first, or told several times",
    backends: ["openai"],
    streamed: STREAMED,
    async run(scene) {
      const usage = {
        prompt_tokens: USAGE.input,
        completion_tokens: USAGE.output,
        total_tokens: 26,
        prompt_tokens_details: { cached_tokens: USAGE.cached },
      };
      const early = { ...usage, completion_tokens: 0, total_tokens: 20 };
      scene.upstream({
        steps: [
          sse(chunk(null, null, { usage: early })),
          sse(chunk({ role: "assistant", content: "a" }, null, { usage: early })),
          sse(chunk({ content: "b" }, null, { usage: null })),
          sse(chunk({}, "stop", { usage })),
          sse("[DONE]"),
        ],
      });
      const answered = await scene.ask({
        extra: scene.client === "chat" ? { stream_options: { include_usage: true } } : {},
      });
      return saysWell(answered, "ab") ?? expects({ usage: [answered.said.usage, USAGE] });
    },
  },
  {
    trap: 8,
    title: "cached tokens are counted as the client's dialect counts them",
    async run(scene) {
      scene.upstream(healthy(scene.backend, WORDS, scene.streamed));
      const answered = await scene.ask({
        extra: scene.client === "chat" && scene.streamed ? { stream_options: { include_usage: true } } : {},
      });
      return saysWell(answered, ALL) ?? expects({ usage: [answered.said.usage, USAGE] });
    },
  },
  {
    trap: 9,
    title: "message_start tells usage that is not zero",
    clients: ["messages"],
    backends: ["openai"],
    streamed: STREAMED,
    async run(scene) {
      scene.upstream(healthy("openai", WORDS, true));
      return saysWell(await scene.ask(), ALL);
    },
  },
  {
    trap: 13,
    title: "blocks open one at a time, and the delta that changes the block is not lost",
    clients: ["messages"],
    backends: ["openai"],
    streamed: STREAMED,
    async run(scene) {
      const call = (more: object) => ({ tool_calls: [{ index: 0, ...more }] });
      scene.upstream({
        steps: [
          sse(chunk({ role: "assistant", reasoning_content: "hm" })),
          sse(chunk({ content: "a" })),
          sse(
            chunk({
              content: "b",
              ...call({ id: "t1", type: "function", function: { name: "weather", arguments: '{"ci' } }),
            }),
          ),
          sse(chunk(call({ function: { arguments: 'ty":"x"}' } }))),
          sse(chunk({}, "tool_calls")),
          sse("[DONE]"),
        ],
      });
      const answered = await scene.ask();
      return (
        saysWell(answered, "ab") ??
        expects({
          reasoning: [answered.said.reasoning, "hm"],
          calls: [answered.said.calls, [{ id: "t1", name: "weather", arguments: '{"city":"x"}' }]],
        })
      );
    },
  },
  {
    trap: 13,
    title: "a second message_start, and blocks numbered with gaps, are mended",
    backends: ["anthropic"],
    streamed: STREAMED,
    async run(scene) {
      const all = events("anthropic", { text: ["a", "b"] });
      scene.upstream({ steps: [all[0] ?? "", ...all, named({ type: "ping" })] });
      return saysWell(await scene.ask(), "ab");
    },
  },
];
