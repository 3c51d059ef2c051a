import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RouteletError } from "../../errors.ts";
import { openAiChatBackend } from "./backend.ts";
import { encode } from "./fixtures/chat.ts";
import { OTHER, OWN } from "./fixtures/request.ts";
import { parseChatCall } from "./parse.ts";

const FULL = {
  model: "m",
  stream: true,
  stream_options: { include_usage: false },
  messages: [
    { role: "system", content: [{ type: "text", text: "a", cache_control: { type: "ephemeral" } }] },
    {
      role: "user",
      name: "u",
      content: [
        { type: "text", text: "b" },
        { type: "image_url", image_url: { url: "data:image/png;base64,aGk=", detail: "low" } },
        { type: "input_audio", input_audio: { data: "aGk=", format: "wav" } },
        { type: "file", file: { file_data: "data:text/plain;base64,aGk=", filename: "a.txt" } },
      ],
    },
    {
      role: "assistant",
      content: null,
      reasoning_content: "hm",
      tool_calls: [{ id: "t", type: "function", function: { name: "f", arguments: "{}" } }],
    },
    { role: "tool", tool_call_id: "t", content: "r" },
    { role: "assistant", function_call: { name: "g", arguments: "{}" } },
    { role: "function", name: "g", content: "r" },
  ],
  tools: [{ type: "function", function: { name: "f", parameters: { type: "object" }, strict: true } }],
  functions: [{ name: "g" }],
  tool_choice: {
    type: "allowed_tools",
    allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "f" } }] },
  },
  response_format: { type: "json_schema", json_schema: { name: "n", schema: {} } },
  stop: ["x"],
  logit_bias: { 1: 2 },
  metadata: { a: "b" },
  modalities: ["text"],
  reasoning_effort: "low",
  n: 1,
};

type Path = (string | number)[];

function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...at, key]))];
}

function withValue(target: unknown, [key, ...rest]: Path, value: unknown): unknown {
  if (key === undefined) return value;
  const copy = structuredClone(target) as Record<string, unknown>;
  copy[key] = withValue(copy[key], rest, value);
  return copy;
}

const strange = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    undefined,
    true,
    0,
    -1,
    1e308,
    "",
    "function",
    "\u0000",
    "\ud800",
    [],
    {},
    [null],
    [[]],
    {
      __proto__: null,
      type: "text",
    },
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(
    "text",
    "image_url",
    "file",
    "user",
    "tool",
    "assistant",
    "data:;base64,",
    "data:text/plain;base64,%",
  ),
);

/** Reads a body to the end: parsed, passed on, translated, and rendered for both kinds of chat backend. */
function readAll(body: Uint8Array): void {
  try {
    const call = parseChatCall(body);
    expect(JSON.parse(call.passBody("served")).model).toBe("served");
    const request = call.request?.();
    if (request === undefined) throw new Error("no request");
    for (const model of [OWN, OTHER]) {
      if (openAiChatBackend.problems(request, { model }).length > 0) continue;
      JSON.parse(openAiChatBackend.renderRequest(request, { model, stream: call.stream }));
    }
  } catch (thrown) {
    if (!(thrown instanceof RouteletError)) throw thrown;
    expect(thrown).toMatchObject({ kind: "invalid_request", status: 400 });
    expect(thrown.message).not.toMatch(/undefined|\[object/);
  }
}

describe("hostile chat requests are read or refused by a path, and nothing else happens", () => {
  it("whatever stands where a value should be", () => {
    const path = fc.constantFrom(...pathsOf(FULL));
    fc.assert(
      fc.property(fc.array(fc.tuple(path, strange), { minLength: 1, maxLength: 3 }), (changes) => {
        let body: unknown = FULL;
        for (const [at, value] of changes) {
          try {
            body = withValue(body, at, value);
          } catch {
            // An earlier change took the place away.
          }
        }
        readAll(encode(JSON.stringify(body) ?? ""));
      }),
      { numRuns: 500 },
    );
  });

  it("whatever happens to the text", () => {
    const text = JSON.stringify(FULL);
    const insert = fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.constantFrom('"', "{", "[", "}", ",", ":", "\\u", "\u0000", "null"),
    );
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(40), insert, (at, cut, added) => {
        readAll(encode(text.slice(0, at) + added + text.slice(at + cut)));
      }),
      { numRuns: 500 },
    );
  });

  it("whatever the bytes", () => {
    const bytes = encode(JSON.stringify(FULL));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const changed = bytes.slice();
          for (const [at, value] of changes) changed[at] = value;
          readAll(changed);
        },
      ),
      { numRuns: 300 },
    );
  });
});
