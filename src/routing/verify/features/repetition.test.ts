import { expect, it } from "vitest";
import { repetition } from "./repetition.ts";

it.each([
  ["prose", "The weather in Lisbon will be fine on all three days, with a light wind from the sea.", 0],
  ["too little to tell", "no no no no no", 0],
])("%s", (_name, text, value) => {
  expect(repetition(text)).toBe(value);
});

it.each([
  ["words", "I am a model. ".repeat(40)],
  ["characters", "好的".repeat(60)],
])("a loop of %s", (_name, text) => {
  expect(repetition(text)).toBeGreaterThan(0.9);
});
