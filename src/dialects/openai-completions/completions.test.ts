import { describe, expect, it } from "vitest";
import type { RouteletError } from "../../errors.ts";
import type { RenderContext, ReplyStream } from "../dialect.ts";
import { openAiCompletions } from "./client.ts";

const encode = (value: unknown) =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const decode = (pieces: readonly Uint8Array[]) =>
  pieces.map((piece) => new TextDecoder().decode(piece)).join("");
const parse = (body: object) => openAiCompletions.parse(encode({ model: "m", prompt: "a", ...body }));

function contextOf(body: object = {}, renameModel: string | null = null): RenderContext {
  return { call: parse(body), callId: "01", renameModel, estimatedInputTokens: 1, now: 0 };
}

describe("parse", () => {
  it.each([
    ["a text", "a"],
    ["texts", ["a", "b"]],
    ["tokens", [1, 2]],
    ["lists of tokens", [[1], [2]]],
    ["none", null],
  ])("takes %s for a prompt", (_name, prompt) => {
    expect(parse({ prompt }).needs).toMatchObject({ completions: true, suffix: false });
  });

  it("knows what an engine must be able to", () => {
    const call = parse({ suffix: "b", n: 2, logprobs: 0, logit_bias: { "1": 1 }, presence_penalty: 1 });
    expect(call.needs).toMatchObject({
      suffix: true,
      multipleChoices: true,
      logprobs: true,
      logitBias: true,
      penalties: true,
    });
  });

  it("asks a stream's backend for usage, and changes nothing else", () => {
    expect(JSON.parse(parse({ stream: true, echo: true }).passBody("n"))).toEqual({
      model: "n",
      prompt: "a",
      stream: true,
      echo: true,
      stream_options: { include_usage: true },
    });
    expect(parse({ echo: true }).passBody("m")).toBe('{"model":"m","prompt":"a","echo":true}');
  });

  it.each([
    ["prompt", { prompt: 1 }],
    ["prompt", { prompt: [] }],
    ["prompt[1]", { prompt: ["a", 1] }],
    ["suffix", { suffix: 1 }],
    ["n", { n: 0 }],
    ["max_tokens", { max_tokens: -1 }],
    ["stream_options", { stream: true, stream_options: "usage" }],
  ])("refuses a wrong %s by its path", (param, body) => {
    let refused: unknown;
    try {
      parse(body);
    } catch (thrown) {
      refused = thrown;
    }
    expect(refused as RouteletError).toMatchObject({ code: "invalid_type", param });
  });
});

const event = (data: unknown) => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
const chunk = (choice: object, more: object = {}) => ({
  id: "cmpl-1",
  object: "text_completion",
  created: 1,
  model: "served",
  choices: [{ index: 0, text: "", logprobs: null, finish_reason: null, ...choice }],
  ...more,
});
const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const HELLO = event(chunk({ text: "Hé" }));
const STOP = event(chunk({ finish_reason: "stop" }));
const USAGE_EVENT = event({ ...chunk({}), choices: [], usage: USAGE });
const DONE = event("[DONE]");

/** What the client gets of the pieces, and the facts; `size` cuts them anew. */
function passed(text: string, context = contextOf({ stream: true }), size = 7) {
  const stream = openAiCompletions.passStream(context);
  const bytes = encode(text);
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(...stream.push(bytes.subarray(at, at + size)));
  out.push(...stream.flush());
  const { facts } = stream;
  if (facts.complete) out.push(...stream.end());
  return { facts, out: decode(out) };
}

const datas = (out: string) =>
  out
    .split("\n\n")
    .filter((block) => block.startsWith("data: "))
    .map((block) => block.slice(6));
const chunks = (out: string) =>
  datas(out)
    .filter((data) => data !== "[DONE]")
    .map((data) => JSON.parse(data));

describe("passStream", () => {
  it("changes no byte of a healthy stream whose usage was asked for", () => {
    const text = `: hi\n\n${HELLO}${STOP}${USAGE_EVENT}${DONE}`;
    const context = contextOf({ stream: true, stream_options: { include_usage: true } });
    const { out, facts } = passed(text, context);
    expect(out).toBe(text);
    expect(facts).toMatchObject({
      id: "cmpl-1",
      model: "served",
      usage: { inputTokens: 3, outputTokens: 2 },
      finishReasons: ["stop"],
      complete: true,
      terminated: true,
      malformedEvents: 0,
    });
  });

  it("drops the usage chunk that was not asked for, and still counts it", () => {
    const { out, facts } = passed(`${HELLO}${STOP}${USAGE_EVENT}${DONE}`);
    expect(out).toBe(`${HELLO}${STOP}${DONE}`);
    expect(facts.usage).toMatchObject({ inputTokens: 3 });
  });

  it.each([
    ["no terminator", `${HELLO}${STOP}`, `${HELLO}${STOP}${DONE}`],
    ["no blank line at the end", `${HELLO}${STOP}${DONE.trimEnd()}`, `${HELLO}${STOP}${DONE}`],
    ["more after the terminator", `${HELLO}${STOP}${DONE}${HELLO}${DONE}`, `${HELLO}${STOP}${DONE}`],
    ["an event that is no JSON", `${HELLO}data: {oops\n\n${STOP}${DONE}`, `${HELLO}${STOP}${DONE}`],
    [
      "a chunk of the chat endpoint",
      `${HELLO}${event({ ...chunk({}), choices: [{ index: 0, delta: { content: "x" } }] })}${STOP}${DONE}`,
      `${HELLO}${STOP}${DONE}`,
    ],
  ])("mends a stream with %s", (_name, text, wanted) => {
    expect(passed(text).out).toBe(wanted);
  });

  it("keeps one id, time and model, and makes up an id where there is none", () => {
    const wild = [
      chunk({ text: "a" }, { id: undefined }),
      chunk({ text: "b" }, { id: "x", created: 9, model: "y" }),
    ];
    const { out } = passed(`${wild.map(event).join("")}${STOP}${DONE}`);
    expect(chunks(out).map(({ id, created, model }) => [id, created, model])).toEqual(
      Array(3).fill(["cmpl-01", 1, "served"]),
    );
  });

  it("ends each choice once, in OpenAI's words", () => {
    const text = [
      chunk({ text: "a", finish_reason: "" }),
      chunk({ finish_reason: "eos_token" }),
      chunk({ finish_reason: "stop" }),
    ];
    const { out } = passed(`${text.map(event).join("")}${DONE}`);
    expect(chunks(out).map(({ choices }) => choices[0].finish_reason)).toEqual([null, "stop", null]);
  });

  it("gives a reason to a choice that its proper end left without one", () => {
    const second = event(chunk({ index: 1, text: "b" }));
    const { out, facts } = passed(`${HELLO}${second}${STOP}${DONE}`);
    expect(chunks(out).at(-1).choices).toEqual([
      { index: 1, text: "", logprobs: null, finish_reason: "stop" },
    ]);
    expect(facts.complete).toBe(true);
  });

  it.each([
    ["was cut before its end", HELLO],
    ["was cut while one of two choices was open", `${HELLO}${event(chunk({ index: 1, text: "b" }))}${STOP}`],
  ])("knows that a stream %s", (_name, text) => {
    expect(passed(text).facts).toMatchObject({ complete: false, committed: true });
  });

  it.each([
    ["an error in the stream", event({ error: { message: "boom" } }), "upstream_error"],
    ["an end before any content", DONE, "upstream_incomplete"],
  ])("takes %s for a failure", (_name, text, code) => {
    const { facts, out } = passed(text);
    expect(facts.inBandError).toMatchObject({ code });
    expect(out).toBe("");
  });

  it("shows the name that was asked for where a key's setting says so", () => {
    const { out } = passed(`${HELLO}${STOP}${DONE}`, contextOf({ stream: true }, "mine"));
    expect(chunks(out).map(({ model }) => model)).toEqual(["mine", "mine"]);
  });
});

const WHOLE = {
  id: "cmpl-1",
  object: "text_completion",
  created: 1,
  model: "served",
  choices: [{ text: "Hé", index: 0, logprobs: null, finish_reason: "stop" }],
  usage: USAGE,
};

function whole(body: unknown, context = contextOf()) {
  const bytes = encode(body);
  const passedOn = openAiCompletions.passWhole(bytes, context);
  return {
    ...passedOn,
    same: passedOn.body === bytes,
    json: () => JSON.parse(new TextDecoder().decode(passedOn.body)),
  };
}

describe("passWhole", () => {
  it("changes no byte of a healthy reply", () => {
    const { same, facts } = whole(WHOLE);
    expect(same).toBe(true);
    expect(facts).toMatchObject({
      id: "cmpl-1",
      usage: { inputTokens: 3, outputTokens: 2 },
      finishReasons: ["stop"],
    });
  });

  it("gives what is missing: id, index, text, a reason that OpenAI has", () => {
    const { json } = whole({ ...WHOLE, id: undefined, choices: [{ text: null, finish_reason: "eos" }] });
    expect(json()).toMatchObject({
      id: "cmpl-01",
      choices: [{ index: 0, text: "", logprobs: null, finish_reason: "stop" }],
    });
  });

  it.each([
    ["no JSON", "<html>"],
    ["a chat completion", { choices: [{ message: { role: "assistant", content: "x" } }] }],
    ["nothing of the kind", { ok: true }],
  ])("takes %s for no reply", (_name, body) => {
    expect(whole(body).facts.malformedEvents).toBe(1);
  });

  it("reads an error inside a 200", () => {
    expect(whole({ error: { message: "x" } }).facts.inBandError).toMatchObject({ code: "upstream_error" });
  });
});

describe("streamWhole", () => {
  const streamed = (context: RenderContext): string => {
    const { body, facts } = whole(WHOLE, context);
    const stream = openAiCompletions.streamWhole?.({ body, facts }, context) as ReplyStream;
    return decode([...stream.flush(), ...stream.push(new Uint8Array(0)), ...stream.end()]);
  };

  it("makes a stream of a whole reply", () => {
    const out = streamed(contextOf({ stream: true }));
    expect(chunks(out)).toEqual([{ ...WHOLE, usage: undefined }]);
    expect(datas(out).at(-1)).toBe("[DONE]");
  });

  it("with usage where it was asked for", () => {
    const out = streamed(contextOf({ stream: true, stream_options: { include_usage: true } }));
    expect(chunks(out).map(({ usage }) => usage)).toEqual([undefined, USAGE]);
  });
});

describe("in a trace", () => {
  it("stand the prompt and what was said, streamed or not", () => {
    const call = parse({ prompt: ["a", "b"], suffix: "z" });
    expect(openAiCompletions.traceInput(call).map(({ content }) => content)).toEqual(["a", "b", "z"]);
    const said = [{ message: { role: "assistant", content: "Hé" }, finish_reason: "stop" }];
    expect(openAiCompletions.traceOutput(encode(WHOLE), false)).toEqual(said);
    expect(openAiCompletions.traceOutput(encode(`${HELLO}${STOP}${DONE}`), true)).toEqual(said);
  });
});
