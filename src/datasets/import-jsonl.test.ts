import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RouteletError } from "../errors.ts";
import { lineOf } from "./fine-tuning-line.ts";
import { MAX_LINE_BYTES, readJsonl } from "./import-jsonl.ts";

const user = { role: "user", content: "hi" };
const assistant = { role: "assistant", content: "hello" };
const call = { id: "c1", type: "function", function: { name: "f", arguments: "{}" } };
const calling = { role: "assistant", content: null, tool_calls: [call] };
const result = { role: "tool", tool_call_id: "c1", content: "42" };
const tool = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };

const file = (...lines: (object | string)[]): Uint8Array =>
  new TextEncoder().encode(
    lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"),
  );
const read = (...lines: (object | string)[]) => [...readJsonl(file(...lines))];

function failure(...lines: (object | string)[]): RouteletError {
  try {
    read(...lines);
  } catch (thrown) {
    if (thrown instanceof RouteletError) return thrown;
    throw thrown;
  }
  throw new Error("it was taken");
}

describe("a file in the fine-tuning format", () => {
  it("is read line by line, blank lines and all kinds of line ends included", () => {
    const lines = read(
      { messages: [user, assistant] },
      "",
      `${JSON.stringify({ messages: [user, assistant] })}\r`,
      "",
    );
    expect(lines.map(({ line }) => line)).toEqual([1, 3]);
    expect(lines[0]?.example).toEqual({ messages: [user], answer: assistant });
  });

  it.each<[string, object]>([
    [
      "a conversation with tools",
      { messages: [user, calling, result, assistant], tools: [tool], parallel_tool_calls: false },
    ],
    ["an answer that is a tool call", { messages: [user, calling], tools: [tool] }],
    ["weights", { messages: [user, { ...assistant, weight: 0 }, user, { ...assistant, weight: 1 }] }],
    [
      "an image",
      {
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "?" },
              { type: "image_url", image_url: { url: "https://example.com/a.png" } },
            ],
          },
          assistant,
        ],
      },
    ],
    ["a refusal", { messages: [user, { role: "assistant", content: null, refusal: "no" }] }],
    ["a mark", { messages: [user, assistant], routelet: { nodes_only: true } }],
  ])("comes out as it went in: %s", (_what, line) => {
    const [given] = read(line);
    expect(given && lineOf(given.example, given.nodesOnly)).toEqual(line);
  });

  it("may have null where a field is not there", () => {
    const [given] = read({ messages: [user, { ...assistant, tool_calls: null, name: null }], tools: null });
    expect(given?.example).toEqual({ messages: [user], answer: assistant });
  });

  it("keeps every text, whatever stands in it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary-ascii" })), {
          minLength: 1,
          maxLength: 5,
        }),
        (texts) => {
          const lines = texts.map(([asked, said]) => ({
            messages: [
              { role: "user", content: asked },
              { role: "assistant", content: said },
            ],
          }));
          expect(read(...lines).map(({ example }) => lineOf(example, false))).toEqual(lines);
        },
      ),
    );
  });
});

describe("a file that is none", () => {
  it.each<[string, object | string, RegExp]>([
    ["no JSON", "{", /Line 2 is not valid JSON/],
    ["no object", "[1]", /Line 2/],
    ["no messages", {}, /`messages` is missing/],
    ["no conversation", { messages: [] }, /messages/],
    ["no answer at the end", { messages: [user] }, /the last message must be the assistant's/],
    ["an unknown field", { messages: [user, assistant], prompt: "x" }, /prompt/],
    ["a role that there is not", { messages: [{ role: "robot", content: "x" }, assistant] }, /messages\[0\]/],
    ["a message without content", { messages: [{ role: "user" }, assistant] }, /messages\[0\]\.content/],
    ["an assistant who says nothing", { messages: [user, { role: "assistant", content: null }] }, /content/],
    ["the old form of tools", { messages: [user, assistant], functions: [] }, /functions/],
    [
      "sound",
      { messages: [{ role: "user", content: [{ type: "input_audio", input_audio: {} }] }, assistant] },
      /messages\[0\]/,
    ],
    ["a result that answers nothing", { messages: [user, result, assistant] }, /answers no tool call `c1`/],
    [
      "a call without its result",
      { messages: [user, calling, assistant] },
      /before the result of the tool call `c1`/,
    ],
    [
      "a name that no tool may have",
      { messages: [user, assistant], tools: [{ type: "function", function: { name: "a b" } }] },
      /tools\[0\]/,
    ],
    ["another format (preference pairs)", { input: {}, preferred_output: [] }, /messages/],
    ["deep nesting", `{"messages":${"[".repeat(500)}${"]".repeat(500)}}`, /Line 2 nests too deep/],
  ])("says so, and where: %s", (_what, line, message) => {
    const error = failure({ messages: [user, assistant] }, line);
    expect(error).toMatchObject({ code: "invalid_line", status: 400, param: "line 2" });
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/Nothing was imported\.$/);
  });

  it("names the other wrong lines too, up to ten", () => {
    const error = failure(
      ...Array.from({ length: 14 }, (_, at) => (at === 3 ? { messages: [user, assistant] } : "x")),
    );
    expect(error.message).toContain("Wrong too: lines 2, 3, 5, 6, 7, 8, 9, 10, 11 and 3 more.");
  });

  it("is one without lines", () => {
    for (const empty of [file(), file("", "  \r", "")])
      expect(() => [...readJsonl(empty)]).toThrow(/has no lines/);
  });

  it("is no text in UTF-8", () => {
    expect(() => [...readJsonl(new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]))]).toThrow(
      /Line 1 is not valid JSON in UTF-8/,
    );
  });
});

describe("a long line", () => {
  const long = (bytes: number) => ({ messages: [{ role: "user", content: "x".repeat(bytes) }, assistant] });

  it("of 1 MB is taken", () => {
    expect(read(long(1_048_576))).toHaveLength(1);
  });

  it("beyond the limit is refused by its number", () => {
    expect(failure(long(MAX_LINE_BYTES)).message).toMatch(/^Line 1 is longer than 1500000 bytes/);
  });
});
