import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findPrivate } from "./find-private.ts";
import { privateStream } from "./private-stream.ts";
import type { Span } from "./span.ts";

/** What a stream says of a text that comes in these pieces. */
function streamed(pieces: readonly string[]): { text: string; spans: Span[]; heldMost: number } {
  const stream = privateStream();
  const spans: Span[] = [];
  let text = "";
  let came = 0;
  let heldMost = 0;
  for (const piece of [...pieces, null]) {
    const decided = piece === null ? stream.end() : stream.push(piece);
    for (const span of decided.spans)
      spans.push({ ...span, start: span.start + text.length, end: span.end + text.length });
    text += decided.text;
    came += piece?.length ?? 0;
    heldMost = Math.max(heldMost, came - text.length);
  }
  return { text, spans, heldMost };
}

function cut(text: string, places: readonly number[]): string[] {
  const at = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [...at, text.length].map((end, index) => text.slice(at[index - 1] ?? 0, end));
}

const VALUES = [
  "4111 1111 1111 1111",
  "4111111111111111",
  "GB82 WEST 1234 5698 7654 32",
  "DE89370400440532013000",
  "jane.doe@example.com",
  "84.17.3.9",
  "2a00:1450:4001:81b::200e",
  "219-09-9999",
  "529.982.247-25",
  "12345678Z",
  "https://u:p@example.com/a(b)?c=d",
  "www.example.com",
  "+41 (0)44 668 18 00",
  "212-555-0187",
  "(+358) 116957220",
  "(434) 492-2359 x852",
  " ext. 12",
  "(212) 555-0187",
  "call me on 9472 7916",
  "451 5986-Office",
  `AKIA${"Q7WE5RTY2UIOPAS3"}`,
  `ghp_${"a1B2c3D4".repeat(5).slice(0, 36)}`,
  "password=hunter22",
  '"api_key": "f3a9c1e07b5d4826"',
  "Bearer abc123def456ghi789",
  "my password is Tr0ub4dor!",
  "RSSMRA85T10A562S",
  `-----BEGIN ${"RSA "}PRIVATE KEY-----\nMIIEow\n-----END ${"RSA "}PRIVATE KEY-----`,
  "550e8400-e29b-41d4-a716-446655440000",
  "version 1.2.3.4",
  "order 4155550123",
  "2024-01-15 10:30",
  "eyJ",
  "://",
  "@",
  "-----BEGIN ",
  "密码",
  "é",
  "😀",
  "=",
  ":",
  "::",
  "+",
  "(",
  ")",
  ".",
  "-",
  "\n",
  "\\n",
  '\\"',
  "a",
  "1",
  "sk-",
  "www.",
  "token",
  "password",
];

const text = fc
  .array(fc.tuple(fc.constantFrom(...VALUES), fc.constantFrom(" ", ", ", "", "\n", '"', ".", "/")), {
    maxLength: 12,
  })
  .map((parts) => parts.flat().join(""));

describe("a stream", () => {
  it("finds the same spans wherever the text is cut, and gives back the text", () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 12 }), (whole, places) => {
        const { text: out, spans } = streamed(cut(whole, places));
        expect(out).toBe(whole);
        expect(spans).toEqual(findPrivate(whole));
      }),
      { numRuns: 1_500 },
    );
  });

  it("finds them in single characters as well", () => {
    fc.assert(
      fc.property(text, (whole) => {
        expect(streamed([...whole]).spans).toEqual(findPrivate(whole));
      }),
      { numRuns: 150 },
    );
  });

  it("of noise finds the same too", () => {
    const noise = fc.string({ unit: fc.constantFrom(...'ab1@:=.-+( )"\\/_4eyJA\n'), maxLength: 200 });
    fc.assert(
      fc.property(noise, fc.array(fc.nat(), { maxLength: 6 }), (whole, places) => {
        const { text: out, spans } = streamed(cut(whole, places));
        expect(out).toBe(whole);
        expect(spans).toEqual(findPrivate(whole));
      }),
      { numRuns: 1_500 },
    );
  });

  it("holds back a word or a number at most, of words without end as well", () => {
    const prose = "The quick brown fox, 12 of them, jumped. ".repeat(50);
    expect(streamed([...prose]).heldMost).toBeLessThanOrEqual(64);
    expect(streamed([..."a".repeat(5_000)]).heldMost).toBeLessThanOrEqual(80);
    expect(streamed([..."1".repeat(5_000)]).heldMost).toBeLessThanOrEqual(80);
  });

  it("holds back a private key until its end, but not without limit", () => {
    const endless = `-----BEGIN PRIVATE KEY-----\n${"QUJD".repeat(20_000)}`;
    const pieces = endless.match(/[\s\S]{1,500}/g) ?? [];
    expect(streamed(pieces).heldMost).toBeLessThanOrEqual(16_384 + 600);
    expect(streamed(pieces).spans).toEqual(findPrivate(endless));
  });
});
