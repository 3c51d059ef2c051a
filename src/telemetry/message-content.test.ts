import fc from "fast-check";
import { expect, test } from "vitest";
import { inputContent, MAX_CONTENT_BYTES, outputContent } from "./message-content.ts";

const bytes = (text: string) => new TextEncoder().encode(text).byteLength;

test("text, tool calls and tool results take the conventions' shape", () => {
  const { json, originalBytes } = inputContent([
    { role: "system", content: "Be brief." },
    {
      role: "user",
      content: [
        { type: "text", text: "What is this?" },
        { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
      ],
    },
    {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "c1", type: "function", function: { name: "look", arguments: '{"x":1}' } }],
    },
    { role: "tool", tool_call_id: "c1", content: "a cat" },
  ]);
  expect(originalBytes).toBeNull();
  expect(JSON.parse(json)).toEqual([
    { role: "system", parts: [{ type: "text", content: "Be brief." }] },
    { role: "user", parts: [{ type: "text", content: "What is this?" }, { type: "image_url" }] },
    { role: "assistant", parts: [{ type: "tool_call", id: "c1", name: "look", arguments: '{"x":1}' }] },
    { role: "tool", parts: [{ type: "tool_call_response", id: "c1", result: "a cat" }] },
  ]);
});

test("an answer keeps its finish reason", () => {
  const { json } = outputContent([
    { message: { role: "assistant", content: "hi" }, finish_reason: "length" },
  ]);
  expect(JSON.parse(json)).toEqual([
    { role: "assistant", parts: [{ type: "text", content: "hi" }], finish_reason: "length" },
  ]);
});

test("one long text is shortened, the other messages stay, the whole size is told", () => {
  const { json, originalBytes } = inputContent([
    { role: "system", content: "rules" },
    { role: "user", content: "x".repeat(200_000) },
  ]);
  expect(bytes(json)).toBeLessThanOrEqual(MAX_CONTENT_BYTES);
  expect(originalBytes).toBeGreaterThan(200_000);
  expect(JSON.parse(json)[0].parts[0].content).toBe("rules");
});

const conversation = (unit: fc.Arbitrary<string>, maxTimes: number, maxLength: number) => {
  const text = fc.tuple(unit, fc.nat(maxTimes)).map(([part, times]) => part.repeat(times));
  const role = fc.constantFrom("user", "assistant", "tool");
  return fc.array(fc.record({ role, content: text, tool_call_id: text }), { maxLength });
};
const unit = fc.string({ unit: "binary", maxLength: 8 });

test.each([
  ["a few long texts", conversation(unit, 5_000, 8)],
  ["many short texts", conversation(unit, 40, 2_000)],
])("any conversation gives valid JSON of at most 64 KiB: %s", (_, messages) => {
  fc.assert(
    fc.property(messages, (drawn) => {
      const { json, originalBytes } = inputContent(drawn);
      expect(bytes(json)).toBeLessThanOrEqual(MAX_CONTENT_BYTES);
      expect(Array.isArray(JSON.parse(json))).toBe(true);
      if (originalBytes !== null) expect(originalBytes).toBeGreaterThan(MAX_CONTENT_BYTES);
    }),
    { numRuns: 25 },
  );
});

test("of a conversation too long even when shortened the beginning and the end stay", () => {
  const messages = Array.from({ length: 5_000 }, (_, n) => ({ role: "user", content: `message ${n}` }));
  const kept = JSON.parse(inputContent(messages).json);
  expect(kept.length).toBeGreaterThan(100);
  expect(kept[0].parts[0].content).toBe("message 0");
  expect(kept.at(-1).parts[0].content).toBe("message 4999");
});

test.each([[[]], [[{}]], [[{ role: 1, content: 2, tool_calls: 3 }]], [[{ tool_calls: [null, {}] }]]])(
  "odd messages do not stop the trace (%o)",
  (messages) => {
    expect(Array.isArray(JSON.parse(inputContent(messages).json))).toBe(true);
  },
);
