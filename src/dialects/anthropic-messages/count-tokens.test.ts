import { describe, expect, it } from "vitest";
import { estimateInputTokens } from "./count-tokens.ts";
import { estimateTextTokens } from "./estimate-text.ts";
import { testRequest, user } from "./fixtures/request.ts";

/** What `o200k_base` counts. */
const COUNTED: readonly (readonly [string, number, string])[] = [
  [
    "English",
    42,
    "The quick brown fox jumps over the lazy dog. Small language models can take over most of the narrow jobs that agents call large models for, and they answer faster and cheaper when they run close to their user.",
  ],
  [
    "code",
    51,
    'export function add(options: { left: number; right: number }): number {\n  const { left, right } = options;\n  if (!Number.isFinite(left + right)) throw new RangeError("not finite");\n  return left + right;\n}\n',
  ],
  [
    "JSON",
    51,
    '{"type":"object","properties":{"location":{"type":"string","description":"City and state"},"unit":{"enum":["celsius","fahrenheit"]},"days":{"type":"integer","minimum":1,"maximum":14}},"required":["location"]}',
  ],
  [
    "German",
    38,
    "Die Würde des Menschen ist unantastbar. Sie zu achten und zu schützen ist Verpflichtung aller staatlichen Gewalt. Jeder hat das Recht auf die freie Entfaltung seiner Persönlichkeit.",
  ],
  [
    "Russian",
    41,
    "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и должны поступать в отношении друг друга в духе братства.",
  ],
  ["Chinese", 35, "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。"],
  ["Japanese", 35, "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"],
  [
    "numbers",
    54,
    "2026-11-24 10:15:00 | 1234567 | 3.14159265 | 42 | 8,675,309 | 0.001 | 99.95% | +49 30 1234567",
  ],
];

describe("estimateTextTokens", () => {
  it.each(COUNTED)("is within 15 %% of a tokenizer's count for %s", (_name, counted, text) => {
    expect(Math.abs(estimateTextTokens(text) / counted - 1)).toBeLessThan(0.15);
  });

  it("grows with the text, and has nothing for nothing", () => {
    expect(estimateTextTokens("")).toBe(0);
    expect(estimateTextTokens("word ".repeat(100))).toBeGreaterThan(99);
  });
});

describe("estimateInputTokens", () => {
  it("is never 0", () => {
    expect(estimateInputTokens(testRequest({ messages: [] }))).toBeGreaterThanOrEqual(1);
  });

  const small = estimateInputTokens(testRequest());
  it.each([
    ["a message", { messages: [user("hi"), user("again")] }],
    [
      "a system prompt",
      {
        messages: [
          { role: "system" as const, content: [{ type: "text" as const, text: "be brief" }] },
          user("hi"),
        ],
      },
    ],
    [
      "a tool",
      { tools: [{ name: "f", description: "does it", parameters: { type: "object" }, strict: null }] },
    ],
    [
      "a schema",
      {
        format: {
          type: "json_schema" as const,
          name: "x",
          description: null,
          schema: { a: 1 },
          strict: null,
        },
      },
    ],
    [
      "a tool's result",
      {
        messages: [
          user("hi"),
          {
            role: "tool" as const,
            callId: "t",
            content: [{ type: "text" as const, text: "42" }],
            isError: false,
          },
        ],
      },
    ],
  ])("counts %s", (_name, more) => {
    expect(estimateInputTokens(testRequest(more))).toBeGreaterThan(small);
  });

  it("takes an image for an image, not for its letters in base64", () => {
    const image = { kind: "base64" as const, mediaType: "image/png", data: "A".repeat(1_000_000) };
    const request = testRequest({
      messages: [{ role: "user", content: [{ type: "image", source: image }] }],
    });
    expect(estimateInputTokens(request)).toBeLessThan(2_000);
  });
});
