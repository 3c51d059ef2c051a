import { type Case, expects } from "../case.ts";
import type { Dialect } from "../client.ts";
import { healthy } from "../upstream/replies.ts";
import { CALL, callsWell, TOOLS } from "./tool-index.ts";

/** The client's word for each of the backend's; null: several are right. */
type Words = Record<Dialect, string | null>;

const TABLE: Record<"openai" | "anthropic", Record<string, Words>> = {
  openai: {
    stop: { chat: "stop", responses: "completed", messages: "end_turn" },
    length: { chat: "length", responses: "max_output_tokens", messages: "max_tokens" },
    content_filter: { chat: "content_filter", responses: "content_filter", messages: "refusal" },
  },
  anthropic: {
    end_turn: { chat: "stop", responses: "completed", messages: "end_turn" },
    max_tokens: { chat: "length", responses: "max_output_tokens", messages: "max_tokens" },
    stop_sequence: { chat: "stop", responses: "completed", messages: "stop_sequence" },
    model_context_window_exceeded: {
      chat: "length",
      responses: "max_output_tokens",
      messages: "model_context_window_exceeded",
    },
    refusal: { chat: "content_filter", responses: null, messages: "refusal" },
    pause_turn: { chat: "stop", responses: null, messages: "pause_turn" },
  },
};

/** Trap 16: why a turn ends. */
export const finishReasons: readonly Case[] = [
  ...(["openai", "anthropic"] as const).flatMap((backend) =>
    Object.entries(TABLE[backend]).map(
      ([word, words]): Case => ({
        trap: 16,
        title: `${word} is told in the client's own word`,
        backends: [backend],
        async run(scene) {
          scene.healthy({ text: ["x"], end: word });
          const answered = await scene.ask();
          const wanted = words[scene.client];
          return (
            scene.well(answered, "x") ??
            (wanted === null ? null : expects({ end: [answered.said.end, wanted] }))
          );
        },
      }),
    ),
  ),
  {
    trap: 16,
    title: "tool calls that end with stop end with the word for tool calls",
    backends: ["openai"],
    async run(scene) {
      scene.upstream(healthy("openai", { calls: [CALL], end: "stop" }, scene.streamed));
      return callsWell(scene, await scene.ask(TOOLS), [CALL]);
    },
  },
  {
    trap: 16,
    title: "the sequence that stopped the turn is named",
    clients: ["messages"],
    backends: ["anthropic"],
    async run(scene) {
      const { steps } = healthy("anthropic", { text: ["x"], end: "stop_sequence" }, scene.streamed);
      scene.upstream({
        steps: steps.map((step) =>
          typeof step === "string" && step.includes('"stop_reason":"stop_sequence"')
            ? step.replace('"stop_sequence":null', '"stop_sequence":"END"')
            : step,
        ),
      });
      const answered = await scene.ask({ extra: { stop_sequences: ["END"] } });
      return (
        scene.well(answered, "x") ??
        expects({ named: [answered.body.includes('"stop_sequence":"END"'), true] })
      );
    },
  },
];
