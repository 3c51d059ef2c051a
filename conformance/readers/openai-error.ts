import { isObject, type Json, type Said, text } from "../said.ts";
import type { Rules } from "./rules.ts";

/** Reads OpenAI's error object: `{ message, type, param, code }`. */
export function readOpenAiError(error: unknown, { expect }: Rules): Said["error"] {
  const body: Json = isObject(error) ? error : {};
  expect(18, isObject(error), "an error that is no object");
  expect(18, text(body.message) !== "", "an error without a message");
  expect(18, text(body.type) !== "" || text(body.code) !== "", "an error with neither type nor code");
  return {
    code: String(body.code ?? body.type ?? ""),
    message: text(body.message),
    param: text(body.param) || null,
  };
}
