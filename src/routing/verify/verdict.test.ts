import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FEATURES } from "./features/features.ts";
import { answer, asked, calling } from "./fixtures/asked.ts";
import { verify } from "./verdict.ts";

describe("a verdict", () => {
  it("lets a right answer pass and measures it", () => {
    const verdict = verify(asked(), calling("get_weather", { city: "Lisbon", days: 3 }));
    expect(verdict).toMatchObject({ valid: true, findings: [], unchecked: [] });
    expect(verdict.features).toMatchObject({ calls: 1, grounded_least: 1, refusal: 0, logprob_mean: null });
  });

  it("gives every reason", () => {
    const bad = answer({
      finish: "cut",
      calls: [
        { name: "get_weather", arguments: "{}" },
        { name: "nobody", arguments: "{}" },
      ],
    });
    expect(verify(asked({ parallelToolCalls: false }), bad).findings.map(({ code }) => code)).toEqual([
      "truncated",
      "unknown_tool",
      "too_many_calls",
      "missing_argument",
    ]);
  });

  it("names what of the schema was not checked, and lets the answer pass", () => {
    const parameters = { properties: { when: { type: "date" } } };
    const given = asked({ tools: [{ name: "t", description: null, parameters }] });
    expect(verify(given, calling("t", { when: "now" }))).toMatchObject({
      valid: true,
      unchecked: ["calls[0].arguments#/properties/when/type"],
    });
  });

  it("counts a refusal as a feature, not as a fault", () => {
    const verdict = verify(asked(), answer({ text: "I'm sorry, but I can't do that." }));
    expect(verdict).toMatchObject({ valid: true, features: { refusal: 1 } });
  });
});

it("measures whatever is said, in the order that calibrations go by", () => {
  const texts = fc.string({ unit: "grapheme", maxLength: 200 });
  fc.assert(
    fc.property(texts, texts, fc.json(), (request, text, written) => {
      const given = answer({ text, calls: [{ name: "get_weather", arguments: written }] });
      const { features } = verify(asked({ request, context: [request] }), given);
      expect(Object.keys(features)).toEqual([...FEATURES]);
      for (const value of Object.values(features))
        expect(value === null || Number.isFinite(value)).toBe(true);
    }),
  );
});
