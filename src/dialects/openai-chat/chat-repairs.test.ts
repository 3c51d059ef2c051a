import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { passChatStream } from "./chat-stream.ts";
import { nothingSaid } from "./error-in-band.ts";
import {
  chunk,
  chunks,
  DONE,
  decode,
  deltas,
  encode,
  event,
  passed,
  ROLE,
  reasons,
  STREAM,
  testContext,
} from "./fixtures/chat.ts";
import { HEALTHY_STREAMS } from "./fixtures/server-streams.ts";

const mutation = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    "null",
    "{}",
    "[]",
    '""',
    "0",
    "-1",
    "\n\n",
    "\r",
    "data: ",
    ',"error":{"message":"x"}',
    "\u0000",
    "\uFEFF",
  ),
);

const calls = (...list: object[]) => chunk({ tool_calls: list });

describe("passChatStream mends what servers break, and nothing else", () => {
  it("gives the text of content that is a list of parts, and what was thought apart (Mistral)", () => {
    const thinking = [{ type: "thinking", thinking: [{ type: "text", text: "hm" }] }];
    const text = [
      { type: "text", text: "h" },
      { type: "text", text: "i" },
    ];
    const body = ROLE + chunk({ content: thinking }) + chunk({ content: text }) + chunk({}, "stop") + DONE;
    expect(deltas(passed(body).out)).toEqual([
      expect.objectContaining({ role: "assistant" }),
      { reasoning_content: "hm" },
      { content: "hi" },
      {},
    ]);
  });

  it("keeps one id, time and model (trap 5)", () => {
    const mixed = [
      {
        id: "a",
        created: 1,
        model: "m",
        choices: [{ index: 0, delta: { role: "assistant", content: "x" } }],
      },
      { id: "b", created: 2, model: "n", choices: [{ index: 0, delta: { content: "y" } }] },
      { id: "", model: "m", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
    ];
    const { out } = passed(`${mixed.map(event).join("")}${DONE}`);
    expect(chunks(out).map(({ id, created, model }) => [id, created, model])).toEqual([
      ["a", 1, "m"],
      ["a", 1, "m"],
      ["a", 1, "m"],
    ]);
  });

  it("gives the role once and first (trap 5)", () => {
    const role = { role: "assistant", content: "x" };
    const { out } = passed(`${chunk(role)}${chunk(role)}${chunk({ role: "assistant" }, "stop")}`);
    expect(deltas(out)).toEqual([role, { content: "x" }, {}]);
    expect(deltas(passed(chunk({ content: "x" }, "stop")).out)).toEqual([
      { content: "x", role: "assistant" },
    ]);
  });

  it("makes an empty finish_reason null, and lets only the first reason stand (trap 5)", () => {
    const { out } = passed(
      `${chunk({ role: "assistant", content: "x" }, "")}${chunk({}, "length")}${chunk({}, "stop")}${DONE}`,
    );
    expect(chunks(out).flatMap(({ choices }) => choices.map(({ finish_reason }) => finish_reason))).toEqual([
      null,
      "length",
      null,
    ]);
  });

  it.each([
    ["no index", undefined, undefined],
    ["index 0 always", 0, 0],
  ])("re-indexes parallel calls with %s (trap 11)", (_name, first, second) => {
    const text = [
      ROLE,
      calls({ index: first, id: "t1", type: "function", function: { name: "f", arguments: '{"a":' } }),
      calls({ index: first, function: { arguments: "1}" } }),
      calls({ index: second, id: "t2", type: "function", function: { name: "g", arguments: "{}" } }),
      chunk({}, "tool_calls"),
    ].join("");
    expect(
      chunks(passed(text).out).flatMap(({ choices }) =>
        choices.flatMap(({ delta }) => (delta as { tool_calls?: unknown[] }).tool_calls ?? []),
      ),
    ).toEqual([
      { index: 0, id: "t1", type: "function", function: { name: "f", arguments: '{"a":' } },
      { index: 0, function: { arguments: "1}" } },
      { index: 1, id: "t2", type: "function", function: { name: "g", arguments: "{}" } },
    ]);
  });

  it("makes an id up where there is none, and sends id and name once (trap 11)", () => {
    const repeated = { index: 0, type: "function", function: { name: "f", arguments: "{" } };
    const text = `${ROLE}${calls(repeated)}${calls({ ...repeated, id: "" })}${chunk({}, "tool_calls")}`;
    const [, first, second] = deltas(passed(text).out) as { tool_calls: Record<string, unknown>[] }[];
    expect(first?.tool_calls[0]?.id).toMatch(/^call_/);
    expect(second?.tool_calls[0]).toEqual({ index: 0, function: { arguments: "{" } });
  });

  it("gives a call without arguments the empty object, before the end (trap 12)", () => {
    const text = `${ROLE}${calls({ index: 0, id: "t", type: "function", function: { name: "f", arguments: "" } })}${chunk({}, "tool_calls")}`;
    expect(deltas(passed(text).out).at(-1)).toEqual({
      tool_calls: [{ index: 0, function: { arguments: "{}" } }],
    });
  });

  it("turns arguments that come as an object into text (trap 12)", () => {
    const text = `${ROLE}${calls({ index: 0, id: "t", function: { name: "f", arguments: { a: 1 } } })}${chunk({}, "tool_calls")}`;
    expect(deltas(passed(text).out)[1]).toMatchObject({
      tool_calls: [{ type: "function", function: { arguments: '{"a":1}' } }],
    });
  });

  it("ends a turn of tool calls with tool_calls, whatever the server says (trap 16)", () => {
    const text = `${ROLE}${calls({ index: 0, id: "t", type: "function", function: { name: "f", arguments: "{}" } })}${chunk({}, "stop")}`;
    expect(chunks(passed(text).out).at(-1)?.choices[0]?.finish_reason).toBe("tool_calls");
  });

  it("gives one [DONE] and nothing after it (trap 4)", () => {
    const done = DONE;
    const { out } = passed(`${STREAM}${done}${chunk({ content: "late" })}`);
    expect(out).toBe(STREAM);
    expect(passed(`${ROLE}${chunk({ content: "x" }, "stop")}`).out.endsWith(done)).toBe(true);
  });

  it("writes the terminator as SDKs compare it", () => {
    expect(passed(`${ROLE}${chunk({}, "stop")}data: [DONE] \n\n`).out).toBe(
      `${ROLE}${chunk({}, "stop")}${DONE}`,
    );
  });

  it("gives a reason to a stream that ended properly without one", () => {
    const { out, facts } = passed(`${ROLE}${chunk({ content: "x" })}${DONE}`);
    expect(chunks(out).at(-1)?.choices[0]?.finish_reason).toBe("stop");
    expect(facts.finishReasons).toEqual(["stop"]);
  });

  it.each([
    ["an error frame", event({ error: { message: "broke", code: 500 } }), "upstream_error"],
    ["a busy backend", event({ error: { message: "slow down", type: "overloaded_error" } }), "backend_busy"],
    ["a status as text", event({ error: { message: "slow down", code: "429" } }), "backend_busy"],
    ["vLLM's flat error", event({ object: "error", message: "broke", code: 400 }), "upstream_error"],
    ["an event named error", 'event: error\ndata: {"message":"broke"}\n\n', "upstream_error"],
    ["an event named error without JSON", "event: error\ndata: broke\n\n", "upstream_error"],
    [
      "a choice's error",
      chunk({ content: "" }, "error", { choices: [{ index: 0, delta: {}, error: { message: "broke" } }] }),
      "upstream_error",
    ],
    ["an aborted choice", chunk({}, "abort"), "upstream_error"],
  ])("sees %s and lets nothing more through", (_name, failure, code) => {
    const { out, facts } = passed(`${ROLE}${failure}${chunk({ content: "late" })}${DONE}`);
    expect(out).toBe(ROLE);
    expect(facts.inBandError).toMatchObject({ code, retryable: true });
    expect(facts.inBandError?.kind).toBe(code === "backend_busy" ? "rate_limited" : "upstream");
  });

  it.each([
    ["eos_token", "stop"],
    ["STOP", "stop"],
    ["max_tokens", "length"],
    ["tool_use", "tool_calls"],
    ["refusal", "content_filter"],
    ["pause_turn", "stop"],
    ["who knows", "stop"],
    ["content_filter", "content_filter"],
    ["function_call", "function_call"],
    ["constructor", "stop"],
  ])("gives a reason that OpenAI's SDKs know for %s (trap 16)", (word, known) => {
    const { out, facts } = passed(`${ROLE}${chunk({ content: "x" }, word)}${DONE}`);
    expect(reasons(out)).toEqual([null, known]);
    expect(facts.finishReasons).toEqual([word]);
  });

  it("ends a turn of the old function_call with that word (trap 16)", () => {
    const { out } = passed(
      `${ROLE}${chunk({ function_call: { name: "f", arguments: "{}" } })}${chunk({}, "stop")}${DONE}`,
    );
    expect(reasons(out).at(-1)).toBe("function_call");
  });

  it("makes one id up for a stream without any (trap 5)", () => {
    const bare = (delta: object) =>
      event({ model: "m", choices: [{ index: 0, delta, finish_reason: null }] });
    const { out, facts } = passed(`${bare({ role: "assistant", content: "a" })}${bare({ content: "b" })}`);
    expect(chunks(out).map(({ id }) => id)).toEqual(["chatcmpl-call_01", "chatcmpl-call_01"]);
    expect(facts.id).toBeNull();
  });

  it("holds no endless run of chunks without id and choices back", () => {
    const stream = passChatStream(testContext());
    const out = stream.push(encode(event({ id: "", choices: [] }).repeat(20)));
    expect(chunks(decode(out))).toHaveLength(20);
    expect(new Set(chunks(decode(out)).map(({ id }) => id))).toEqual(new Set(["chatcmpl-call_01"]));
  });

  it("gives a chunk without choices an empty list, for SDKs look into it", () => {
    const { out } = passed(`${ROLE}${event({ id: "c1", model: "m1", usage: { prompt_tokens: 1 } })}`);
    expect(chunks(out).at(-1)?.choices).toEqual([]);
  });

  it("leaves a role of null alone, and mends a delta of null", () => {
    const text = `${ROLE}${chunk({ role: null, content: "a" })}`;
    expect(passed(text).out).toBe(text);
    const nothing = event({
      id: "c1",
      model: "m1",
      choices: [{ index: 0, delta: null, finish_reason: null }],
    });
    expect(deltas(passed(`${ROLE}${nothing}`).out).at(-1)).toEqual({});
  });

  it.each([
    'data: {"id":"c1"}\n\n',
    "data: []\n\n",
    'data: {"choices":[1]}\n\n',
    'data: {"choices":[{"delta":"x"}]}\n\n',
    'data: {"choices":[{"delta":{"tool_calls":[null]}}]}\n\n',
    "data: nonsense\n\n",
  ])("counts and leaves out what is no chunk: %j (trap 19)", (broken) => {
    const { facts, out } = passed(ROLE + broken + chunk({ content: "a" }, "stop") + DONE);
    expect(facts.malformedEvents).toBe(1);
    expect(out).toBe(ROLE + chunk({ content: "a" }, "stop") + DONE);
  });

  it("takes an empty event for a sign of life", () => {
    const { facts, out } = passed(`${ROLE}data:\n\n${chunk({ content: "a" }, "stop")}${DONE}`);
    expect(facts.malformedEvents).toBe(0);
    expect(out).not.toContain("data:\n");
  });

  it.each(["", ROLE])("takes a stream that ends properly without a word for a failure: %#", (begun) => {
    expect(passed(`${begun}${DONE}`)).toMatchObject({
      out: begun,
      facts: {
        committed: false,
        complete: false,
        inBandError: { code: "upstream_incomplete", retryable: true },
      },
    });
  });

  it("does not take a stream for whole when one of its choices was cut (trap 19)", () => {
    const choice = (index: number, finish: string | null) =>
      event({
        id: "c1",
        model: "m1",
        choices: [{ index, delta: { role: "assistant", content: "x" }, finish_reason: finish }],
      });
    expect(passed(choice(0, "stop") + choice(1, null)).facts.complete).toBe(false);
    expect(passed(choice(0, "stop") + choice(1, "stop")).facts.complete).toBe(true);
    const { out } = passed(choice(0, "stop") + choice(1, null) + DONE);
    expect(chunks(out).at(-1)?.choices).toEqual([{ index: 1, delta: {}, finish_reason: "stop" }]);
  });

  it.each(["", "\n"])("sets an error apart from an event that the end of the bytes cut off (%j)", (end) => {
    const stream = passChatStream(testContext());
    const last = chunk({ content: "b" }).trimEnd();
    const out = [...stream.push(encode(ROLE + last + end)), ...stream.flush(), ...stream.fail(nothingSaid())];
    expect(chunks(decode(out))).toHaveLength(3);
    expect(chunks(decode(out)).at(-1)).toHaveProperty("error.code", "upstream_incomplete");
    expect(decode(out)).not.toContain("[DONE]");
  });

  it("does not take a stream that just stops for a whole one (trap 19)", () => {
    expect(passed(`${ROLE}${chunk({ content: "x" })}`).facts).toMatchObject({ complete: false });
  });

  it("never throws, and never gives out what is no chunk, on mutated streams", () => {
    const streams = [STREAM, ...Object.values(HEALTHY_STREAMS)];
    fc.assert(
      fc.property(
        fc.constantFrom(...streams),
        fc.array(
          fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat(20), insert: mutation }),
          { minLength: 1, maxLength: 4 },
        ),
        fc.integer({ min: 1, max: 400 }),
        (healthy, mutations, size) => {
          const text = mutations.reduce((before, { at, cut, insert }) => {
            const from = Math.floor(at * before.length);
            return before.slice(0, from) + insert + before.slice(from + cut);
          }, healthy);
          const { out } = passed(text, {}, size);
          for (const piece of chunks(out)) expect(Array.isArray(piece.choices)).toBe(true);
          expect(out.split("[DONE]").length).toBeLessThanOrEqual(healthy.split("[DONE]").length + 1);
        },
      ),
      { numRuns: 500 },
    );
  });
});
