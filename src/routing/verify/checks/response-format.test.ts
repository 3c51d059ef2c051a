import { expect, it } from "vitest";
import { answer, asked, calling } from "../fixtures/asked.ts";
import { checkResponseFormat } from "./response-format.ts";

const SCHEMA = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name"],
  additionalProperties: false,
};

const check = (text: string, schema: Record<string, unknown> | null = SCHEMA) =>
  checkResponseFormat(asked({ format: { schema } }), answer({ text })).findings.map(
    ({ code, path }) => `${code} ${path}`,
  );

it.each([
  ["as the schema says", '{"name":"Ada","age":36}', []],
  ["with white space around it", ' \n{"name":"Ada"}\n', []],
  ["prose", "Her name is Ada.", ["invalid_json text"]],
  ["JSON in a fence", '```json\n{"name":"Ada"}\n```', ["invalid_json text"]],
  ["JSON with words after it", '{"name":"Ada"} as you asked', ["invalid_json text"]],
  ["something missing", "{}", ["missing_argument text.name"]],
  ["null, which a reader of texts is not ready for", '{"name":"Ada","age":null}', ["wrong_type text.age"]],
  ["another name", '{"name":"Ada","born":1815}', ["unknown_argument text.born"]],
] as const)("%s", (_name, text, findings) => {
  expect(check(text)).toEqual(findings);
});

it("any object will do where no schema says which, and nothing but an object", () => {
  expect(check('{"x":1}', null)).toEqual([]);
  expect(check("[1]", null)).toEqual(["invalid_json text"]);
});

it("text is free where no format was asked for; a call or a refusal owes none", () => {
  const format = { schema: SCHEMA };
  expect(checkResponseFormat(asked(), answer({ text: "Hello" })).findings).toEqual([]);
  expect(checkResponseFormat(asked({ format }), calling("current_time", {})).findings).toEqual([]);
  expect(checkResponseFormat(asked({ format }), answer({ refusal: "No." })).findings).toEqual([]);
});
