import { choice, type Gbnf, literal, oneOf, optional, ref, repeat, seq } from "./gbnf.ts";
import { complement, only } from "./strings/code-points.ts";

/**
 * JSON texts (RFC 8259) as a model may write them: compact, with one optional space behind a comma or a colon, since a
 * small model that may write white space can lose itself in it.
 */

const DIGIT = oneOf([[0x30, 0x39]]);
const NONZERO = oneOf([[0x31, 0x39]]);
const HEX = oneOf([
  [0x30, 0x39],
  [0x41, 0x46],
  [0x61, 0x66],
]);

/** Digits that `JSON.stringify` writes at most before and behind the point of a double without an exponent. */
export const MAX_WHOLE_DIGITS = 21;
export const MAX_FRACTION_DIGITS = 22;
/** Digits of an integer: those of 64 bits. */
export const MAX_INTEGER_DIGITS = 19;

export const SPACE: Gbnf = optional(literal(" "));
export const COMMA: Gbnf = seq(literal(","), SPACE);
export const COLON: Gbnf = seq(literal(":"), SPACE);

export function fraction(maxDigits = MAX_FRACTION_DIGITS): Gbnf {
  return optional(seq(literal("."), repeat(DIGIT, 1, maxDigits)));
}

/** Digits of one whole number without sign or leading zeros. */
export function wholeNumber(maxDigits: number): Gbnf {
  return choice(literal("0"), seq(NONZERO, repeat(DIGIT, 0, maxDigits - 1)));
}

/** The rules of JSON itself, by the names that the others refer to. */
export const JSON_RULES: Readonly<Record<string, Gbnf>> = {
  "json-value": choice(
    ref("json-object"),
    ref("json-array"),
    ref("json-string"),
    ref("json-number"),
    literal("true"),
    literal("false"),
    literal("null"),
  ),
  "json-object": seq(
    literal("{"),
    optional(seq(ref("json-member"), repeat(ref("json-more-members"), 0, null))),
    literal("}"),
  ),
  "json-member": seq(ref("json-string"), COLON, ref("json-value")),
  "json-more-members": seq(COMMA, ref("json-member")),
  "json-array": seq(
    literal("["),
    optional(seq(ref("json-value"), repeat(ref("json-more-values"), 0, null))),
    literal("]"),
  ),
  "json-more-values": seq(COMMA, ref("json-value")),
  "json-string": seq(literal('"'), repeat(ref("json-character"), 0, null), literal('"')),
  "json-character": choice(
    oneOf(complement([[0, 0x1f], ...only('"', "\\")])),
    seq(literal("\\"), choice(oneOf(only('"', "\\", "/", "b", "f", "n", "r", "t")), ref("json-unicode"))),
  ),
  // A surrogate stands only in a pair.
  "json-unicode": seq(
    literal("u"),
    choice(
      seq(
        oneOf([[0x30, 0x39], ...only("a", "b", "c", "e", "f", "A", "B", "C", "E", "F")]),
        repeat(HEX, 3, 3),
      ),
      seq(oneOf(only("d", "D")), oneOf([[0x30, 0x37]]), repeat(HEX, 2, 2)),
      seq(
        oneOf(only("d", "D")),
        oneOf(only("8", "9", "a", "b", "A", "B")),
        repeat(HEX, 2, 2),
        literal("\\u"),
        oneOf(only("d", "D")),
        oneOf(only("c", "d", "e", "f", "C", "D", "E", "F")),
        repeat(HEX, 2, 2),
      ),
    ),
  ),
  "json-integer": seq(optional(literal("-")), wholeNumber(MAX_INTEGER_DIGITS)),
  // A double has no 1e309: with one digit before the point and exponents up to 307 every text is a finite number.
  "json-number": seq(
    optional(literal("-")),
    choice(
      seq(wholeNumber(MAX_WHOLE_DIGITS), fraction()),
      seq(
        DIGIT,
        fraction(),
        oneOf(only("e", "E")),
        choice(
          seq(literal("-"), repeat(DIGIT, 1, 3)),
          seq(
            optional(literal("+")),
            choice(
              repeat(DIGIT, 1, 2),
              seq(oneOf(only("0", "1", "2")), repeat(DIGIT, 2, 2)),
              seq(literal("30"), oneOf([[0x30, 0x37]])),
            ),
          ),
        ),
      ),
    ),
  ),
};

export function isJsonRule(name: string): boolean {
  return Object.hasOwn(JSON_RULES, name);
}

/** One JSON value as a text, with the spaces that others may have too. */
export function jsonLiteral(value: unknown): Gbnf {
  if (Array.isArray(value)) {
    return seq(literal("["), ...separated(value.map(jsonLiteral)), literal("]"));
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([name, member]) =>
      seq(literal(JSON.stringify(name)), COLON, jsonLiteral(member)),
    );
    return seq(literal("{"), ...separated(members), literal("}"));
  }
  return literal(JSON.stringify(value));
}

function separated(parts: readonly Gbnf[]): Gbnf[] {
  return parts.flatMap((part, index) => (index === 0 ? [part] : [COMMA, part]));
}
