import { describe, expect, it } from "vitest";
import { openHeldCheck } from "../calls/held-check.ts";
import { answerOf, askedOf } from "../calls/verifiable.ts";
import { openAiChatBackend } from "../dialects/openai-chat/backend.ts";
import { openAiChat } from "../dialects/openai-chat/client.ts";
import { lossAt, released } from "../routing/guarantee/drawn-outcome.ts";
import type { PlannedAttempt } from "../routing/plan.ts";
import type { RecordedCall } from "./recorded-call.ts";
import { shadowOutcome } from "./settle-shadow.ts";

const bytes = (value: object) => new TextEncoder().encode(JSON.stringify(value)) as Uint8Array<ArrayBuffer>;
const TOOL = { type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } };
const CALLS = [{ id: "c", type: "function", function: { name: "look", arguments: "{}" } }];
const FORMAT = { type: "json_object" };

/** What the shadow makes of an answer, and what the gateway does with the same one at the laxest threshold. */
function both(options: {
  asked?: object;
  message: object;
  finish: string;
  stream?: boolean;
  /** How the call ended. */
  row?: object;
}) {
  const call = openAiChat.parse(
    bytes({
      model: "m",
      messages: [{ role: "user", content: "Where?" }],
      stream: options.stream ?? false,
      ...options.asked,
    }),
  );
  const request = call.request?.();
  if (request === undefined) throw new Error("no internal form");
  const choice = {
    index: 0,
    message: { role: "assistant", ...options.message },
    finish_reason: options.finish,
  };
  const body = bytes({ id: "r", object: "chat.completion", created: 1, model: "m", choices: [choice] });
  const [said] = openAiChatBackend.readReply(body, request).choices;
  if (said === undefined) throw new Error("no choice");
  const answer = answerOf(said);
  const row = {
    stream: options.stream ?? false,
    outcome: "done",
    servedBy: "llm/openai/m",
    inputTokens: 1,
    cachedInputTokens: 0,
    outputTokens: 1,
    ...options.row,
  };
  const recorded = { row, call, request, asked: askedOf(request), choice: said, answer } as RecordedCall;
  const outcome = shadowOutcome(
    recorded,
    { answer, confidence: null, usage: null, latencyMs: 1 },
    { model: "m", fingerprint: "f", weights: null },
  );
  const planned: PlannedAttempt = {
    kind: "node",
    nodeId: "n",
    model: "m",
    speaks: "openai-chat",
    firstByteMs: 1,
    verified: true,
    threshold: 0,
  };
  const check = openHeldCheck(planned, call);
  let served = true;
  try {
    check?.whole(body, null);
  } catch {
    served = false;
  }
  return { served, counted: released(outcome, 0), outcome };
}

describe("an answer counts in the shadow as it would be served", () => {
  const text = { content: "In Bern, where the" };
  const cases: [string, Parameters<typeof both>[0], boolean][] = [
    [
      "text that was cut at the caller's limit",
      { asked: { max_tokens: 5 }, message: text, finish: "length" },
      true,
    ],
    ["text that was cut without one", { message: text, finish: "length" }, false],
    [
      "JSON that was cut",
      {
        asked: { max_tokens: 5, response_format: FORMAT },
        message: { content: '{"a": 1}' },
        finish: "length",
      },
      false,
    ],
    [
      "a tool call that was cut",
      {
        asked: { max_tokens: 5, tools: [TOOL] },
        message: { content: null, tool_calls: CALLS },
        finish: "length",
      },
      false,
    ],
    ["streamed prose", { message: text, finish: "stop", stream: true }, false],
    [
      "streamed prose at the limit",
      { asked: { max_tokens: 5 }, message: text, finish: "length", stream: true },
      false,
    ],
    [
      "a streamed tool call",
      {
        asked: { tools: [TOOL] },
        message: { content: null, tool_calls: CALLS },
        finish: "tool_calls",
        stream: true,
      },
      true,
    ],
    [
      "text that a filter stopped",
      { asked: { max_tokens: 5 }, message: text, finish: "content_filter" },
      false,
    ],
  ];
  it.each(cases)("%s", (_name, given, released) => {
    expect(both(given)).toMatchObject({ served: released, counted: released });
  });
});

describe("a drawn call that its reference did not answer to the end", () => {
  const said = { message: { content: "Bern" }, finish: "stop" };

  it("has the label that both answers give where it did", () => {
    expect(both(said).outcome).toMatchObject({ label: "fine", referenceTokens: { input: 1, output: 1 } });
  });

  it.each([
    ["its client left", { outcome: "cancelled" }],
    ["it took too long", { outcome: "deadline", servedBy: null }],
    ["it failed", { outcome: "error", servedBy: null }],
    ["a small model answered", { servedBy: "slm/m" }],
  ])("has none, which is a loss: %s", (_why, row) => {
    const { outcome } = both({ ...said, row });
    expect(outcome).toMatchObject({ label: "missing", by: "no_reference", referenceTokens: null });
    expect(lossAt(outcome, 0)).toBe(1);
  });
});
