import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ToolCallDelta } from "./chunk.ts";
import { createToolCallRepair } from "./tool-call-repair.ts";

/** What a client makes of the mended deltas: calls by index, as SDKs put them together. */
function join(deltas: readonly ToolCallDelta[]) {
  const repair = createToolCallRepair((index) => `made_${index}`);
  const sent = deltas.map((delta) => repair.mend(delta)).filter((delta) => delta !== null);
  sent.push(...repair.close());
  const calls: { id: unknown; name: unknown; arguments: string }[] = [];
  for (const { index, id, function: details } of sent) {
    const known = calls[Number(index)];
    if (known === undefined) {
      expect(Number(index)).toBe(calls.length);
      expect(details?.name).toBeTypeOf("string");
      calls.push({ id, name: details?.name, arguments: String(details?.arguments) });
    } else {
      expect({ id, name: details?.name }).toEqual({ id: undefined, name: undefined });
      known.arguments += String(details?.arguments);
    }
  }
  return calls;
}

const call = (name: string | undefined, given: unknown, more: object = {}): ToolCallDelta => ({
  ...more,
  function: { ...(name === undefined ? {} : { name }), ...(given === undefined ? {} : { arguments: given }) },
});

const TWO = [
  { id: "a", name: "f", arguments: '{"x":1}' },
  { id: "b", name: "g", arguments: '{"y":2}' },
];

describe("createToolCallRepair (traps 11 and 12)", () => {
  it.each<[string, ToolCallDelta[], object[]]>([
    [
      "index 0 for every call",
      [
        call("f", '{"x"', { index: 0, id: "a" }),
        call(undefined, ":1}", { index: 0 }),
        call("g", '{"y":2}', { index: 0, id: "b" }),
      ],
      TWO,
    ],
    [
      "no index",
      [call("f", '{"x"', { id: "a" }), call(undefined, ":1}"), call("g", '{"y":2}', { id: "b" })],
      TWO,
    ],
    [
      "indices that begin at 1",
      [call("f", '{"x":1}', { index: 1, id: "a" }), call("g", '{"y":2}', { index: 2, id: "b" })],
      TWO,
    ],
    [
      "pieces of two calls in turn",
      [
        call("f", "", { index: 0, id: "a" }),
        call("g", "", { index: 1, id: "b" }),
        call(undefined, '{"x":1}', { index: 0 }),
        call(undefined, '{"y":2}', { index: 1 }),
      ],
      TWO,
    ],
    [
      "another id with every piece",
      [
        call("f", "", { index: 0, id: "a" }),
        call(undefined, '{"x"', { index: 0, id: "r1" }),
        call(undefined, ":1}", { index: 0, id: "r2" }),
        call("g", "", { index: 1, id: "b" }),
        call(undefined, '{"y":2}', { index: 1, id: "r3" }),
      ],
      TWO,
    ],
    [
      "id and name with every piece",
      [
        call("f", '{"x"', { index: 0, id: "a" }),
        call("f", ":1}", { index: 0, id: "a" }),
        call("g", '{"y":2}', { index: 1, id: "b" }),
      ],
      TWO,
    ],
    [
      "the name after the id",
      [
        { index: 0, id: "a", type: "function" },
        call("f", undefined, { index: 0 }),
        call(undefined, '{"x":1}', { index: 0 }),
        { index: 0, id: "b" },
        call("g", '{"y":2}', { index: 0 }),
      ],
      TWO,
    ],
    [
      "arguments before the name",
      [call("", '{"x"', { index: 0, id: "a" }), call("f", ":1}", { index: 0, id: "a" })],
      [TWO[0] ?? {}],
    ],
    [
      "arguments before the name, of the second call at an index",
      [
        call("f", '{"x":1}', { index: 0, id: "a" }),
        call(undefined, '{"y":2}', { index: 0, id: "b" }),
        call("g", "", { index: 0 }),
      ],
      TWO,
    ],
    [
      "one id for all calls",
      [call("f", '{"x":1}', { index: 0, id: "a" }), call("g", '{"y":2}', { index: 1, id: "a" })],
      [TWO[0] ?? {}, { id: "made_1", name: "g", arguments: '{"y":2}' }],
    ],
    [
      "the tool's name for an id, twice",
      [call("f", "{}", { index: 0, id: "f" }), call("f", '{"x":1}', { index: 0, id: "f" })],
      [
        { id: "f", name: "f", arguments: "{}" },
        { id: "made_1", name: "f", arguments: '{"x":1}' },
      ],
    ],
    [
      "neither ids nor indices",
      [call("f", '{"x":1}'), call("g", '{"y"'), call(undefined, ":2}"), call("g", "{}")],
      [
        { id: "made_0", name: "f", arguments: '{"x":1}' },
        { id: "made_1", name: "g", arguments: '{"y":2}' },
        { id: "made_2", name: "g", arguments: "{}" },
      ],
    ],
    [
      "no ids, and index 0 for every call",
      [call("f", "{}", { index: 0, id: "" }), call("g", "{}", { index: 0, id: null })],
      [
        { id: "made_0", name: "f", arguments: "{}" },
        { id: "made_1", name: "g", arguments: "{}" },
      ],
    ],
    [
      "arguments as an object",
      [call("f", { x: 1 }, { index: 0, id: "a" })],
      [{ id: "a", name: "f", arguments: '{"x":1}' }],
    ],
    [
      "no arguments",
      [call("f", undefined, { index: 0, id: "a" })],
      [{ id: "a", name: "f", arguments: "{}" }],
    ],
    [
      "arguments of null",
      [call("f", null, { index: 0, id: "a" })],
      [{ id: "a", name: "f", arguments: "{}" }],
    ],
    [
      "arguments only at the end",
      [call("f", "", { index: 0, id: "a" }), call("f", '{"x":1}', { index: 0, id: "a", type: "function" })],
      [TWO[0] ?? {}],
    ],
  ])("%s", (_name, deltas, calls) => {
    expect(join(deltas)).toEqual(calls);
  });

  it("does not add to the empty object that it gave", () => {
    const repair = createToolCallRepair(() => "made");
    repair.mend(call("f", "", { index: 0, id: "a" }));
    expect(repair.close()).toHaveLength(1);
    expect(repair.mend(call(undefined, '{"x":1}', { index: 0 }))).toBeNull();
    expect(repair.close()).toEqual([]);
    expect(repair.mend(call("g", "", { index: 1, id: "b" }))).toMatchObject({
      function: { arguments: "{}" },
    });
  });

  it("gives right deltas back as they are, whatever their pieces", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.json(), fc.integer({ min: 1, max: 5 })), {
          minLength: 1,
          maxLength: 5,
        }),
        (specified) => {
          const repair = createToolCallRepair(() => "made");
          for (const [index, [name, value, size]] of specified.entries()) {
            const begin: ToolCallDelta = {
              index,
              id: `call_${index}`,
              type: "function",
              function: { name, arguments: "" },
            };
            expect(repair.mend(begin)).toBe(begin);
            for (let at = 0; at < value.length; at += size) {
              const piece = { index, function: { arguments: value.slice(at, at + size) } };
              expect(repair.mend(piece)).toBe(piece);
            }
          }
          expect(repair.close()).toEqual([]);
        },
      ),
    );
  });
});
