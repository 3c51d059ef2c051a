import { expect, it } from "vitest";
import { answer, asked } from "../fixtures/asked.ts";
import { callCount } from "./call-count.ts";

it.each([
  ["Book a flight", 1],
  ["Book a flight and a hotel", 2],
  ["Weather in Paris, London and Rome", 3],
  ["巴黎和罗马", 2],
  ["", 0],
])("%s asks for %i", (request, things) => {
  expect(callCount(asked({ request }), answer()).asked).toBe(things);
});

it("counts calls, and those that say the same again", () => {
  const call = { name: "current_time", arguments: "{}" };
  const calls = [call, { ...call }, { ...call, arguments: '{"x":1}' }];
  expect(callCount(asked(), answer({ calls }))).toMatchObject({ calls: 3, repeated: 1 });
});
