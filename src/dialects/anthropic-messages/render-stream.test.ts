import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RouteletError } from "../../errors.ts";
import type { RenderContext } from "../dialect.ts";
import type { ReplyEvent } from "../reply.ts";
import { checkStream } from "./fixtures/check-stream.ts";
import { testContext } from "./fixtures/context.ts";
import { openMessageRenderer } from "./render-stream.ts";

const START: ReplyEvent = { type: "start", id: "chatcmpl-1", model: "gpt-x", created: 1, usage: null };
const text = (value: string): ReplyEvent => ({ type: "text", choice: 0, text: value });
const reasoning = (value: string): ReplyEvent => ({ type: "reasoning", choice: 0, text: value });
const tool = (index: number, name = `f${index}`): ReplyEvent => ({
  type: "tool_call",
  choice: 0,
  index,
  id: `call_${index}`,
  name,
});
const args = (index: number, value: string): ReplyEvent => ({
  type: "tool_arguments",
  choice: 0,
  index,
  text: value,
});
const finish = (reason: Extract<ReplyEvent, { type: "finish" }>["reason"]): ReplyEvent => ({
  type: "finish",
  choice: 0,
  reason,
  stopSequence: null,
});
const END: ReplyEvent = { type: "end" };

function render(events: readonly ReplyEvent[], context: Partial<RenderContext> = {}) {
  const renderer = openMessageRenderer(testContext(context));
  const pushed = events.map((event) => renderer.push(event));
  return { pushed, ...checkStream(pushed.join("") + renderer.end()) };
}

describe("openMessageRenderer", () => {
  it("renders text with the call's id, the backend's model and an estimate of the input that the end corrects", () => {
    const usage: ReplyEvent = {
      type: "usage",
      usage: {
        inputTokens: 30,
        cachedInputTokens: 10,
        outputTokens: 4,
        cacheWriteTokens: 5,
        reasoningTokens: 1,
      },
    };
    const { message, blocks, end } = render([START, text("Hel"), text("lo"), finish("stop"), usage, END]);
    expect(message).toMatchObject({
      id: "msg_call_01test",
      role: "assistant",
      model: "gpt-x",
      stop_reason: null,
      usage: { input_tokens: 17, output_tokens: 0 },
    });
    expect(blocks).toEqual([{ type: "text", text: "Hello" }]);
    expect(end).toMatchObject({
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: {
        input_tokens: 15,
        cache_creation_input_tokens: 5,
        cache_read_input_tokens: 10,
        output_tokens: 4,
        output_tokens_details: { thinking_tokens: 1 },
      },
    });
  });

  it("never tells 0 input tokens at the start, and takes the backend's count where it comes first", () => {
    const early: ReplyEvent = {
      ...START,
      usage: { inputTokens: 99, cachedInputTokens: 0, outputTokens: 1 },
    } as ReplyEvent;
    expect(render([early, text("a")]).message.usage).toMatchObject({ input_tokens: 99 });
    expect(render([text("a")], { estimatedInputTokens: 0 }).message.usage).toMatchObject({ input_tokens: 1 });
  });

  it("reckons usage where the backend told none", () => {
    expect(render([START, text("twelve chars"), finish("stop"), END]).end?.usage).toMatchObject({
      input_tokens: 17,
      output_tokens: 3,
    });
  });

  it("shows the requested model where a key asks for it", () => {
    expect(render([START, text("a")], { renameModel: "auto" }).message.model).toBe("auto");
  });

  it("streams: each delta is out at once", () => {
    const { pushed } = render([START, text("a"), text("b")]);
    expect(pushed[0]).toContain("message_start");
    expect(pushed[1]).toContain('"text":"a"');
    expect(pushed[2]).toContain('"text":"b"');
  });

  it("keeps the delta that changes the block", () => {
    const { blocks } = render([
      START,
      reasoning("hm"),
      text("so"),
      tool(0),
      args(0, "{}"),
      finish("tool_calls"),
    ]);
    expect(blocks).toMatchObject([
      { type: "thinking", thinking: "hm" },
      { type: "text", text: "so" },
      { type: "tool_use", id: "call_0", name: "f0", json: "{}" },
    ]);
  });

  it("gives unsigned thinking no signature, and a signed one its own before it ends", () => {
    const signed: ReplyEvent = {
      type: "reasoning_signature",
      choice: 0,
      signature: "EqQB",
      origin: "anthropic-messages",
    };
    expect(render([START, reasoning("hm"), text("a")]).blocks[0]).toEqual({
      type: "thinking",
      thinking: "hm",
      signature: "",
    });
    expect(render([START, reasoning("hm"), signed, reasoning("more"), text("a")]).blocks).toMatchObject([
      { thinking: "hm", signature: "EqQB" },
      { thinking: "more", signature: "" },
      { type: "text" },
    ]);
  });

  it("marks what another provider signed or redacted, so that it is not taken for Anthropic's", () => {
    const origin = "openai-responses" as const;
    const { blocks } = render([
      START,
      { type: "reasoning_signature", choice: 0, signature: "s", origin },
      { type: "redacted_reasoning", choice: 0, data: "d", origin },
      text("a"),
    ]);
    expect(blocks).toMatchObject([
      { type: "thinking", thinking: "", signature: "routelet:openai-responses:s" },
      { type: "redacted_thinking", data: "routelet:openai-responses:d" },
      { type: "text" },
    ]);
  });

  it("opens the next tool call as soon as the one before is whole", () => {
    const { pushed } = render([START, tool(0), args(0, '{"a":'), args(0, '"}"}'), tool(1), args(1, "{}")]);
    expect(pushed[4]).toContain('"content_block_stop","index":0');
    expect(pushed[4]).toContain('"name":"f1"');
  });

  it("holds interleaved tool calls apart: the later waits until the earlier is whole", () => {
    const events = [
      START,
      tool(0),
      args(0, '{"a"'),
      tool(1),
      args(1, '{"b":'),
      args(0, ":1}"),
      args(1, "2}"),
      finish("tool_calls"),
    ];
    const { blocks, pushed, end } = render(events);
    expect(pushed[3]).toBe("");
    expect(pushed[4]).toBe("");
    expect(blocks).toMatchObject([
      { id: "call_0", json: '{"a":1}' },
      { id: "call_1", json: '{"b":2}' },
    ]);
    expect(end?.delta.stop_reason).toBe("tool_use");
  });

  it("lets out what waits where the reply ends in the middle of a tool call", () => {
    const { blocks } = render([START, tool(0), args(0, '{"a'), text("cut"), finish("length")]);
    expect(blocks).toMatchObject([{ json: '{"a' }, { type: "text", text: "cut" }]);
  });

  it("makes ids valid for Anthropic's clients", () => {
    const odd: ReplyEvent = { type: "tool_call", choice: 0, index: 0, id: "call|1:x/y", name: "f" };
    expect(render([START, odd, args(0, "{}")]).blocks[0]).toMatchObject({ id: "call_1_x_y" });
  });

  it.each([
    ["stop", "end_turn"],
    ["stop_sequence", "stop_sequence"],
    ["length", "max_tokens"],
    ["content_filter", "refusal"],
    ["refusal", "refusal"],
    ["pause", "pause_turn"],
    ["context_length", "model_context_window_exceeded"],
  ] as const)("ends with the reason %s as %s", (reason, stopReason) => {
    expect(render([START, text("a"), finish(reason)]).end?.delta.stop_reason).toBe(stopReason);
  });

  it("says tool_use where a backend ends tool calls with stop", () => {
    expect(render([START, tool(0), args(0, "{}"), finish("stop")]).end?.delta.stop_reason).toBe("tool_use");
  });

  it("tells which stop sequence it was", () => {
    const stopped: ReplyEvent = { type: "finish", choice: 0, reason: "stop_sequence", stopSequence: "END" };
    expect(render([START, text("a"), stopped]).end?.delta).toMatchObject({ stop_sequence: "END" });
  });

  it("renders a refusal as text that ended in one", () => {
    const { blocks, end } = render([START, { type: "refusal", choice: 0, text: "No." }, finish("stop")]);
    expect(blocks).toEqual([{ type: "text", text: "No." }]);
    expect(end?.delta).toMatchObject({ stop_reason: "refusal", stop_details: { type: "refusal" } });
  });

  it("is a whole message even where nothing was said", () => {
    expect(render([]).blocks).toEqual([]);
    expect(render([START, finish("stop"), END]).end?.delta.stop_reason).toBe("end_turn");
  });

  it("leaves other choices out", () => {
    expect(render([START, text("a"), { type: "text", choice: 1, text: "b" }]).blocks).toEqual([
      { type: "text", text: "a" },
    ]);
  });

  it("ends a failed stream with the error and no message_stop", () => {
    const renderer = openMessageRenderer(testContext());
    const error = new RouteletError({ kind: "upstream", code: "upstream_incomplete", message: "Broke." });
    const out = [START, text("a")].map((event) => renderer.push(event)).join("") + renderer.fail(error);
    expect(checkStream(out)).toMatchObject({
      end: null,
      error: { type: "api_error", code: "upstream_incomplete" },
    });
  });
});

/** What a model may do; tool calls' arguments come in pieces, in any order among the calls. */
const action = fc.oneof(
  fc.record({ do: fc.constant("text" as const), value: fc.string() }),
  fc.record({ do: fc.constant("reasoning" as const), value: fc.string() }),
  fc.record({ do: fc.constant("sign" as const), value: fc.string({ minLength: 1 }) }),
  fc.record({ do: fc.constant("redact" as const), value: fc.string() }),
  fc.record({ do: fc.constant("tool" as const), value: fc.json({ maxDepth: 2 }) }),
  fc.record({ do: fc.constant("piece" as const), value: fc.nat(9), size: fc.integer({ min: 1, max: 20 }) }),
);

describe("any sequence of events", () => {
  it("makes a stream without a breach, in which nothing is lost or doubled", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const events: ReplyEvent[] = [];
        const whole: string[] = [];
        const sent: number[] = [];
        const said = { text: "", thinking: "" };
        const piece = (index: number, size: number) => {
          const rest = whole[index]?.slice(sent[index] ?? 0, (sent[index] ?? 0) + size) ?? "";
          sent[index] = (sent[index] ?? 0) + rest.length;
          if (rest !== "") events.push(args(index, rest));
        };
        for (const act of actions) {
          if (act.do === "text") events.push(text(act.value));
          if (act.do === "reasoning") events.push(reasoning(act.value));
          if (act.do === "text") said.text += act.value;
          if (act.do === "reasoning") said.thinking += act.value;
          const origin = "anthropic-messages" as const;
          if (act.do === "sign")
            events.push({ type: "reasoning_signature", choice: 0, signature: act.value, origin });
          if (act.do === "redact")
            events.push({ type: "redacted_reasoning", choice: 0, data: act.value, origin });
          if (act.do === "tool") {
            events.push(tool(whole.length));
            whole.push(`{"v": ${act.value}}`);
          }
          if (act.do === "piece" && whole.length > 0) piece(act.value % whole.length, act.size);
        }
        whole.forEach((_value, index) => {
          piece(index, Number.MAX_SAFE_INTEGER);
        });
        const { blocks } = render([START, ...events, finish("stop"), END]);
        const joined = (type: string, field: string) =>
          blocks
            .filter((block) => block.type === type)
            .map((block) => String(block[field]))
            .join("");
        expect(joined("text", "text")).toBe(said.text);
        expect(joined("thinking", "thinking")).toBe(said.thinking);
        const tools = blocks.filter(({ type }) => type === "tool_use");
        expect(tools.map(({ json }) => json)).toEqual(whole);
        expect(tools.map(({ id }) => id)).toEqual(whole.map((_value, index) => `call_${index}`));
      }),
      { numRuns: 400 },
    );
  });
});
