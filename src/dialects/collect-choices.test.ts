import { describe, expect, it } from "vitest";
import { collectChoices } from "./collect-choices.ts";
import type { Reply, ReplyChoice, ReplyEvent } from "./reply.ts";
import { replyEvents } from "./reply-events.ts";

function collected(events: readonly ReplyEvent[]): ReplyChoice[] {
  const collector = collectChoices();
  for (const event of events) collector.add(event);
  return collector.choices();
}

const reply = (choices: ReplyChoice[]): Reply => ({
  id: "r",
  model: "m",
  created: 1,
  choices,
  usage: null,
  serviceTier: null,
});
const ended = { finish: "stop", stopSequence: null, logprobs: null } as const;

describe("the choices of a streamed reply", () => {
  it("are those that the same reply has whole", () => {
    const choices: ReplyChoice[] = [
      {
        ...ended,
        index: 0,
        parts: [
          { type: "text", text: "Looking." },
          { type: "tool_call", id: "a", name: "f", arguments: '{"x":1}' },
          { type: "tool_call", id: "b", name: "g", arguments: "{}" },
        ],
        finish: "tool_calls",
        logprobs: [{ token: "L", logprob: -0.5, bytes: null, top_logprobs: [] }],
      },
      { ...ended, index: 1, parts: [{ type: "refusal", text: "No." }], finish: "length" },
    ];
    expect(collected(replyEvents(reply(choices)))).toEqual(choices);
  });

  it("grow piece by piece, each call's arguments apart, whatever their order", () => {
    const events: ReplyEvent[] = [
      { type: "text", choice: 0, text: "He" },
      { type: "text", choice: 0, text: "llo" },
      { type: "tool_call", choice: 0, index: 0, id: "a", name: "f" },
      { type: "tool_call", choice: 0, index: 1, id: "b", name: "g" },
      { type: "tool_arguments", choice: 0, index: 1, text: '{"y"' },
      { type: "tool_arguments", choice: 0, index: 0, text: "{}" },
      { type: "tool_arguments", choice: 0, index: 1, text: ":2}" },
    ];
    expect(collected(events)).toEqual([
      {
        index: 0,
        finish: null,
        stopSequence: null,
        logprobs: null,
        parts: [
          { type: "text", text: "Hello" },
          { type: "tool_call", id: "a", name: "f", arguments: "{}" },
          { type: "tool_call", id: "b", name: "g", arguments: '{"y":2}' },
        ],
      },
    ]);
  });

  it("are none where nothing was said", () => {
    expect(collected([{ type: "end" }])).toEqual([]);
  });
});
