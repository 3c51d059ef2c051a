import { expect, it } from "vitest";
import { emptyRequest, type Message } from "../dialects/model-request.ts";
import { callShapeOf } from "./call-shape.ts";

const text = (role: "system" | "developer" | "user", ...texts: string[]): Message => ({
  role,
  content: texts.map((each) => ({ type: "text" as const, text: each })),
});

it("has the system prompts, the first words of the user and the role of the last message", () => {
  const messages: Message[] = [
    text("system", "You are a clerk."),
    text("developer", "Be brief.", "Be kind."),
    text("user", "First."),
    text("user", "Second."),
    { role: "tool", callId: "1", content: [], isError: false },
  ];
  expect(callShapeOf({ ...emptyRequest(), messages })).toEqual({
    system: ["You are a clerk.", "Be brief.\nBe kind."],
    firstUser: "First.",
    tools: [],
    format: null,
    lastRole: "tool",
  });
});

it.each([
  ["free text", null, null],
  ["any JSON object", { type: "json_object" } as const, true],
  [
    "a schema",
    { type: "json_schema", name: "x", description: null, schema: { type: "object" }, strict: null } as const,
    { type: "object" },
  ],
])("knows the form of %s", (_name, format, expected) => {
  expect(callShapeOf({ ...emptyRequest(), format }).format).toEqual(expected);
});

it("of nothing there is nothing", () => {
  expect(callShapeOf(emptyRequest())).toMatchObject({ system: [], firstUser: "", lastRole: "" });
});
