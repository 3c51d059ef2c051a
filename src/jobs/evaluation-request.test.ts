import { expect, it } from "vitest";
import type { Example } from "../datasets/example.ts";
import { evaluationRequest, saidOf } from "./evaluation-request.ts";

const CALL = { id: "c1", type: "function", function: { name: "look", arguments: '{"city":"Bern"}' } };
const asks = (user: string): Example => ({
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: user },
  ],
  answer: { role: "assistant", content: `re ${user}` },
});

it("puts examples between the instructions and the question", () => {
  const request = evaluationRequest(asks("q"), [asks("a"), { ...asks("b"), answer: null }]);
  expect(request?.messages.map(({ role, content }) => [role, content])).toEqual([
    ["system", [expect.objectContaining({ text: "Be brief." })]],
    ["user", [expect.objectContaining({ text: "a" })]],
    ["assistant", [expect.objectContaining({ text: "re a" })]],
    ["user", [expect.objectContaining({ text: "q" })]],
  ]);
});

it("answers the calls of an example, so that no model waits for them", () => {
  const called = { ...asks("a"), answer: { role: "assistant", content: null, tool_calls: [CALL] } };
  expect(evaluationRequest(asks("q"), [called])?.messages.map(({ role }) => role)).toEqual([
    "system",
    "user",
    "assistant",
    "tool",
    "user",
  ]);
});

it("is nothing for an item that no model can be asked", () => {
  expect(evaluationRequest({ messages: [{ role: "nobody", content: "x" }], answer: null }, [])).toBeNull();
});

it.each<[string, Example["answer"], ReturnType<typeof saidOf>]>([
  ["none", null, null],
  [
    "words",
    { role: "assistant", content: "yes" },
    { text: "yes", refusal: null, calls: [], finish: "complete" },
  ],
  [
    "words in parts",
    { role: "assistant", content: [{ type: "text", text: "yes" }] },
    { text: "yes", refusal: null, calls: [], finish: "complete" },
  ],
  [
    "a call",
    { role: "assistant", content: null, tool_calls: [CALL] },
    { text: "", refusal: null, calls: [CALL.function], finish: "complete" },
  ],
])("reads an item's answer: %s", (_name, answer, said) => {
  expect(saidOf({ messages: [], answer })).toEqual(said);
});
