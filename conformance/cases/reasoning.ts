import { type Case, expects } from "../case.ts";
import { type Json, objects } from "../said.ts";
import { chunk, events, sse, whole } from "../upstream/replies.ts";
import { messagesOf } from "./turns.ts";

const THOUGHT = { reasoning: ["let me ", "think"], text: ["42"] };
const SIGNATURE = "c2lnbmF0dXJlLW9mLXRoZS1wcm92aWRlcg==";

const thinkingTurns: Json[] = [
  { role: "user", content: "x" },
  {
    role: "assistant",
    content: [
      { type: "thinking", thinking: "hm", signature: SIGNATURE },
      { type: "text", text: "y" },
    ],
  },
  { role: "user", content: "z" },
];

/** Trap 15: reasoning stays reasoning; signatures are the provider's own business. */
export const reasoning: readonly Case[] = [
  {
    trap: 15,
    title: "reasoning arrives as reasoning, and apart from the text",
    async run(scene) {
      scene.healthy(THOUGHT);
      const answered = await scene.ask();
      return scene.well(answered, "42") ?? expects({ reasoning: [answered.said.reasoning, "let me think"] });
    },
  },
  {
    trap: 15,
    title: "reasoning in the field `reasoning`, as some servers have it",
    backends: ["openai"],
    async run(scene) {
      const steps = scene.streamed ? events("openai", THOUGHT) : [JSON.stringify(whole("openai", THOUGHT))];
      scene.upstream({ steps: steps.map((step) => step.replace('"reasoning_content"', '"reasoning"')) });
      const answered = await scene.ask();
      return scene.well(answered, "42") ?? expects({ reasoning: [answered.said.reasoning, "let me think"] });
    },
  },
  {
    trap: 15,
    title: "reasoning alone, before a call",
    backends: ["openai"],
    streamed: [true],
    async run(scene) {
      const call = { index: 0, id: "c", type: "function", function: { name: "weather", arguments: "{}" } };
      scene.upstream({
        steps: [
          sse(chunk({ role: "assistant", content: null, reasoning_content: "hm" })),
          sse(chunk({ content: null, tool_calls: [call] })),
          sse(chunk({}, "tool_calls")),
          sse("[DONE]"),
        ],
      });
      const answered = await scene.ask();
      return (
        scene.well(answered, "") ??
        expects({ reasoning: [answered.said.reasoning, "hm"], calls: [answered.said.calls.length, 1] })
      );
    },
  },
  {
    trap: 15,
    title: "a signature arrives with its thinking",
    clients: ["messages"],
    backends: ["anthropic"],
    async run(scene) {
      scene.healthy({ ...THOUGHT, signature: SIGNATURE });
      const answered = await scene.ask();
      return scene.well(answered, "42") ?? expects({ signature: [answered.body.includes(SIGNATURE), true] });
    },
  },
  {
    trap: 15,
    title: "a signature comes back to its provider, and goes to no other",
    clients: ["messages"],
    streamed: [false],
    async run(scene) {
      scene.healthy({ text: ["ok"] });
      const answered = await scene.ask({ extra: { messages: thinkingTurns } });
      const sent = scene.received().at(-1)?.bytes;
      return (
        scene.well(answered, "ok") ??
        expects({ sent: [sent?.includes(SIGNATURE), scene.backend === "anthropic"] })
      );
    },
  },
  {
    trap: 15,
    title: "redacted thinking comes back to its provider, and goes to no other",
    clients: ["messages"],
    streamed: [false],
    async run(scene) {
      scene.healthy({ text: ["ok"] });
      const redacted = { type: "redacted_thinking", data: SIGNATURE };
      const answered = await scene.ask({
        extra: {
          messages: thinkingTurns.map((turn) =>
            turn.role === "assistant"
              ? { ...turn, content: [redacted, ...objects(turn.content).slice(1)] }
              : turn,
          ),
        },
      });
      const sent = scene.received().at(-1);
      return (
        scene.well(answered, "ok") ??
        expects({
          sent: [sent?.bytes.includes(SIGNATURE), scene.backend === "anthropic"],
          turns: [messagesOf(sent?.body).length, 3],
        })
      );
    },
  },
];
