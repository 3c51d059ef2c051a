import { choice, EMPTY, type Gbnf, literal, NEVER, oneOf, optional, repeat, seq } from "./gbnf.ts";
import { fraction, MAX_FRACTION_DIGITS, MAX_WHOLE_DIGITS } from "./json-text.ts";

/** One end of a range; null: there is none. */
export type Bound = { value: number; exclusive: boolean } | null;

/** A magnitude in decimal digits: no sign, no leading zeros but the one of `0`, no trailing ones in the fraction. */
interface Decimal {
  whole: string;
  fraction: string;
  exclusive: boolean;
}

const DIGIT = digits(0, 9);

/** Integers without sign, leading zeros or exponent, within both ends; `low` and `high` included, null: open. */
export function integerRange(low: bigint | null, high: bigint | null, maxDigits: number): Gbnf {
  const last = 10n ** BigInt(maxDigits) - 1n;
  const [from, to] = [low ?? -last, high ?? last];
  if (from > to) return NEVER;
  return choice(
    from < 0n ? seq(literal("-"), wholeRange(String(to < 0n ? -to : 1n), String(-from))) : NEVER,
    to >= 0n ? wholeRange(String(from > 0n ? from : 0n), String(to)) : NEVER,
  );
}

/** Decimal numbers without exponent within both ends, with at most `maxFraction` digits behind the point. */
export function numberRange(low: Bound, high: Bound, maxFraction = MAX_FRACTION_DIGITS): Gbnf {
  const zero: Bound = { value: 0, exclusive: false };
  const negative = low === null || low.value < 0;
  const positive = high === null || high.value > 0 || (high.value === 0 && !high.exclusive);
  return choice(
    negative
      ? seq(
          literal("-"),
          magnitudeRange(
            high !== null && high.value <= 0 ? toDecimal(high) : toDecimal(zero),
            low === null ? null : toDecimal(low),
            maxFraction,
          ),
        )
      : NEVER,
    positive
      ? magnitudeRange(
          low !== null && low.value >= 0 ? toDecimal(low) : toDecimal(zero),
          high === null ? null : toDecimal(high),
          maxFraction,
        )
      : NEVER,
  );
}

function toDecimal({ value, exclusive }: NonNullable<Bound>): Decimal {
  const [coefficient = "0", exponent = "0"] = Math.abs(value).toString().split("e");
  const [whole = "0", part = ""] = coefficient.split(".");
  const shift = Number(exponent);
  const all = whole + part;
  const point = whole.length + shift;
  const padded = point <= 0 ? "0".repeat(1 - point) + all : all.padEnd(point, "0");
  const at = Math.max(point, 1);
  return {
    whole: padded.slice(0, at).replace(/^0+(?=.)/, ""),
    fraction: padded.slice(at).replace(/0+$/, ""),
    exclusive,
  };
}

function magnitudeRange(low: Decimal, high: Decimal | null, maxFraction: number): Gbnf {
  const top = high?.whole ?? "9".repeat(MAX_WHOLE_DIGITS);
  const first = BigInt(low.whole);
  const last = BigInt(top);
  if (first > last) return NEVER;
  if (high !== null && first === last) {
    return seq(literal(low.whole), fractionBetween(low, high, maxFraction));
  }
  const between =
    first + 1n > last - (high === null ? 0n : 1n)
      ? NEVER
      : wholeRange(String(first + 1n), String(last - (high === null ? 0n : 1n)));
  return choice(
    seq(literal(low.whole), fractionFrom(low.fraction, low.exclusive, maxFraction)),
    seq(between, fraction(maxFraction)),
    high === null ? NEVER : seq(literal(high.whole), fractionTo(high.fraction, high.exclusive, maxFraction)),
  );
}

/** Fractions, point included, of at least these digits. */
function fractionFrom(digitsOf: string, exclusive: boolean, room: number): Gbnf {
  if (digitsOf === "" && !exclusive) return fraction(room);
  return room === 0 ? NEVER : seq(literal("."), digitsFrom(digitsOf, exclusive, room));
}

function digitsFrom(rest: string, exclusive: boolean, room: number): Gbnf {
  if (rest === "") {
    if (!exclusive) return repeat(DIGIT, 0, room);
    // Some digit but 0 must come.
    return room === 0
      ? NEVER
      : seq(repeat(literal("0"), 0, room - 1), digits(1, 9), repeat(DIGIT, 0, room - 1));
  }
  if (room === 0) return NEVER;
  const digit = Number(rest[0]);
  return choice(
    digit === 9 ? NEVER : seq(digits(digit + 1, 9), repeat(DIGIT, 0, room - 1)),
    seq(literal(String(digit)), digitsFrom(rest.slice(1), exclusive, room - 1)),
  );
}

/** Fractions, point included, or none, of at most these digits. */
function fractionTo(digitsOf: string, exclusive: boolean, room: number): Gbnf {
  if (digitsOf === "") {
    return exclusive
      ? NEVER
      : optional(room === 0 ? NEVER : seq(literal("."), repeat(literal("0"), 1, room)));
  }
  return room === 0 ? EMPTY : optional(seq(literal("."), digitsTo(digitsOf, exclusive, room, true)));
}

function digitsTo(rest: string, exclusive: boolean, room: number, first: boolean): Gbnf {
  if (rest === "") return exclusive ? NEVER : repeat(literal("0"), 0, room);
  if (room === 0) return EMPTY;
  const digit = Number(rest[0]);
  const more = choice(
    digit === 0 ? NEVER : seq(digits(0, digit - 1), repeat(DIGIT, 0, room - 1)),
    seq(literal(String(digit)), digitsTo(rest.slice(1), exclusive, room - 1, false)),
  );
  return first ? more : optional(more);
}

/** Both ends have the same whole part. */
function fractionBetween(low: Decimal, high: Decimal, room: number): Gbnf {
  if (low.fraction === high.fraction) {
    if (low.exclusive || high.exclusive) return NEVER;
    return exactFraction(low.fraction, room);
  }
  if (low.fraction > high.fraction) return NEVER;
  const withPoint = seq(literal("."), digitsBetween(low, high, low.fraction, high.fraction, room));
  const mayBeNone = low.fraction === "" && !low.exclusive;
  return room === 0 ? (mayBeNone ? EMPTY : NEVER) : mayBeNone ? optional(withPoint) : withPoint;
}

function exactFraction(digitsOf: string, room: number): Gbnf {
  const zeros = (count: number): Gbnf => repeat(literal("0"), 0, count);
  if (digitsOf === "") return room === 0 ? EMPTY : optional(seq(literal("."), repeat(literal("0"), 1, room)));
  return digitsOf.length > room ? NEVER : seq(literal("."), literal(digitsOf), zeros(room - digitsOf.length));
}

/** At least one digit, between both rests; `low` is below `high`. */
function digitsBetween(low: Decimal, high: Decimal, from: string, to: string, room: number): Gbnf {
  if (room === 0) return NEVER;
  const first = Number(from[0] ?? "0");
  const last = Number(to[0] ?? "0");
  if (first === last) {
    const [restFrom, restTo] = [from.slice(1), to.slice(1)];
    const here = literal(String(first));
    const more = seq(here, digitsBetween(low, high, restFrom, restTo, room - 1));
    return restFrom === "" && !low.exclusive ? choice(here, more) : more;
  }
  return choice(
    seq(literal(String(first)), digitsFrom(from.slice(1), low.exclusive, room - 1)),
    first + 1 > last - 1 ? NEVER : seq(digits(first + 1, last - 1), repeat(DIGIT, 0, room - 1)),
    seq(
      literal(String(last)),
      to.slice(1) === "" && high.exclusive ? NEVER : digitsTo(to.slice(1), high.exclusive, room - 1, false),
    ),
  );
}

/** Whole numbers without leading zeros from `low` to `high`, both included. */
function wholeRange(low: string, high: string): Gbnf {
  if (low.length > high.length) return NEVER;
  if (low.length === high.length) return sameLength(low, high);
  const middle: Gbnf[] = [];
  const [shortest, longest] = [low.length + 1, high.length - 1];
  if (shortest <= longest) {
    middle.push(seq(digits(1, 9), repeat(DIGIT, shortest - 1, longest - 1)));
  }
  return choice(
    sameLength(low, "9".repeat(low.length)),
    ...middle,
    sameLength(`1${"0".repeat(high.length - 1)}`, high),
  );
}

function sameLength(low: string, high: string): Gbnf {
  if (low > high) return NEVER;
  if (low === "") return EMPTY;
  if (/^0*$/.test(low) && /^9*$/.test(high)) return repeat(DIGIT, low.length, low.length);
  const [first, last] = [Number(low[0]), Number(high[0])];
  const [restLow, restHigh] = [low.slice(1), high.slice(1)];
  if (first === last) return seq(literal(String(first)), sameLength(restLow, restHigh));
  const nines = "9".repeat(restLow.length);
  const zeros = "0".repeat(restLow.length);
  // Whole decades at either end need no branch of their own.
  const from = restLow === zeros ? first : first + 1;
  const to = restHigh === nines ? last : last - 1;
  return choice(
    from === first ? NEVER : seq(literal(String(first)), sameLength(restLow, nines)),
    from > to ? NEVER : seq(digits(from, to), repeat(DIGIT, restLow.length, restLow.length)),
    to === last ? NEVER : seq(literal(String(last)), sameLength(zeros, restHigh)),
  );
}

function digits(from: number, to: number): Gbnf {
  return oneOf([[0x30 + from, 0x30 + to]]);
}
