import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CallShape, namedTask, taskKeyOf } from "./task-key.ts";

const SHAPE: CallShape = {
  system: ["You are a clerk.\nBe brief."],
  firstUser: "What is owed on invoice 17?",
  tools: [
    { name: "find_invoice", parameters: { type: "object", properties: { number: { type: "integer" } } } },
    { name: "send_mail", parameters: null },
  ],
  format: null,
  lastRole: "user",
};

const keyOf = (more: Partial<CallShape> = {}) => taskKeyOf({ ...SHAPE, ...more });

describe("keys stay what they are: across machines, restarts and versions", () => {
  it.each<[string, Partial<CallShape>, string, string, string]>([
    ["a system prompt with tools", {}, "1szjglfvlg39x", "1g8szluh0y5xi", "3lsn9xyg957mz"],
    ["no system prompt", { system: [], tools: [] }, "2rmb6a0a5ed0c", "034zyaeexrn07", "0cmppbvaw0p7n"],
    [
      "nothing at all",
      { system: [], firstUser: "", tools: [], lastRole: "" },
      "0pklky8v0sk0b",
      "17cdkyji2o3ev",
      "0cmppbvaw0p7n",
    ],
    [
      "a schema for the text",
      { format: { type: "object", required: ["a"] } },
      "3iu345nspd7dj",
      "36nbwoauarb9d",
      "3lsn9xyg957mz",
    ],
    ["any JSON object", { format: true }, "1pidjwfrnceow", "1618u0reik4zj", "3lsn9xyg957mz"],
    ["after a tool", { lastRole: "tool" }, "2wrhlsdimvur2", "0arexq3asvf7e", "3lsn9xyg957mz"],
    [
      "Chinese",
      { system: ["你是一名会计。请简短回答。"], tools: [] },
      "3lsj2hiroxozs",
      "034zyaeexrn07",
      "0cmppbvaw0p7n",
    ],
    [
      "Russian, in capitals",
      { system: ["ОТВЕЧАЙ КРАТКО"], tools: [] },
      "35ozcrycwsp92",
      "034zyaeexrn07",
      "0cmppbvaw0p7n",
    ],
  ])("%s", (_name, more, key, group, tools) => {
    const found = keyOf(more);
    expect({ key: found.key, group: found.group, tools: found.tools }).toEqual({ key, group, tools });
  });
});

describe("a key does not depend on", () => {
  it.each<[string, Partial<CallShape>]>([
    ["what the user asks, where there is a system prompt", { firstUser: "Something else entirely" }],
    ["how the system prompt is cut into messages", { system: ["You are a clerk.", "Be brief."] }],
    ["the order of its sections", { system: ["Be brief.\nYou are a clerk."] }],
    ["the order of tools", { tools: [...SHAPE.tools].reverse() }],
    [
      "what schemas say in words, and in which order",
      {
        tools: [
          SHAPE.tools[1] ?? { name: "", parameters: null },
          {
            name: "find_invoice",
            parameters: {
              title: "Find",
              properties: { number: { description: "As of 2026", type: "integer", default: 1 } },
              type: "object",
            },
          },
        ],
      },
    ],
  ])("%s", (_name, more) => {
    expect(keyOf(more).key).toBe(keyOf().key);
  });
});

describe("a key depends on", () => {
  it.each<[string, Partial<CallShape>]>([
    ["the system prompt", { system: ["You are a poet."] }],
    ["the first user message, where there is no system prompt", { system: [] }],
    ["which tools there are", { tools: SHAPE.tools.slice(0, 1) }],
    ["their schemas", { tools: SHAPE.tools.map((tool) => ({ ...tool, parameters: { type: "object" } })) }],
    [
      "a field whose name is that of a description",
      { tools: [{ name: "find_invoice", parameters: { properties: { title: { type: "string" } } } }] },
    ],
    ["the form of the text", { format: true }],
    ["the role of the last message", { lastRole: "tool" }],
  ])("%s", (_name, more) => {
    expect(keyOf(more).key).not.toBe(keyOf().key);
  });

  it("tools apart: a property called title counts, a title does not", () => {
    const of = (parameters: unknown) => keyOf({ tools: [{ name: "t", parameters }] }).tools;
    expect(of({ title: "A", properties: {} })).toBe(of({ title: "B", properties: {} }));
    expect(of({ properties: { title: {} } })).not.toBe(of({ properties: {} }));
  });
});

it("calls of one group share tools, form and role, whatever their prompts", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      const [a, b] = [keyOf({ system: [one] }), keyOf({ system: [other] })];
      expect(a.group).toBe(b.group);
      expect(a.key).toMatch(/^[0-9a-z]{13}$/);
    }),
  );
});

it("a schema as deep as it likes", () => {
  let schema: unknown = {};
  for (let level = 0; level < 5_000; level++) schema = { items: schema };
  expect(() => keyOf({ format: schema })).not.toThrow();
});

describe("a task's name from the caller", () => {
  it.each([
    [null, null],
    ["", null],
    ["   ", null],
    [" invoices ", "task:invoices"],
    ["Rechnungen prüfen", "task:Rechnungen prüfen"],
    ["a".repeat(100), `task:${"a".repeat(100)}`],
  ])("%j", (header, task) => {
    expect(namedTask(header)).toBe(task);
  });

  it.each(["a".repeat(101), "two\nlines", "nul\u0000", "zero\u200bwidth"])("%j is none", (header) => {
    expect(() => namedTask(header)).toThrow(
      expect.objectContaining({ code: "invalid_task_name", status: 400 }),
    );
  });
});
