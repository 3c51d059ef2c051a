import { type Bound, integerRange, numberRange } from "../decimal-range.ts";
import { choice, type Gbnf, literal, NEVER, ref } from "../gbnf.ts";
import { MAX_INTEGER_DIGITS } from "../json-text.ts";
import type { Conjunction } from "./alternatives.ts";

/** Multiples that are written out one by one. */
const MAX_LISTED = 256;
/** Digits behind the point that `multipleOf: 0.01` and the like may allow. */
const MAX_STEP_DIGITS = 15;

/** The numbers of a conjunction's bounds; a `multipleOf` that this does not cover is left to validation. */
export function numberBody(type: "number" | "integer", conjunction: Conjunction): Gbnf {
  const { low, high } = boundsOf(conjunction);
  const steps = conjunction.flatMap(({ multipleOf }) => (multipleOf === undefined ? [] : [multipleOf]));
  if (type === "integer" || steps.some((step) => Number.isInteger(step))) {
    return integerBody(low, high, steps);
  }
  const digits = Math.min(...steps.map(stepDigits));
  if (low === null && high === null && digits === Number.POSITIVE_INFINITY) return ref("json-number");
  return numberRange(low, high, digits === Number.POSITIVE_INFINITY ? undefined : digits);
}

function integerBody(low: Bound, high: Bound, steps: readonly number[]): Gbnf {
  const from = low === null ? null : wholeFrom(low);
  const to = high === null ? null : wholeTo(high);
  const whole = steps.filter((step) => Number.isInteger(step) && step > 1);
  const step = whole.reduce((largest, each) => Math.max(largest, each), 1);
  if (step > 1 && from !== null && to !== null && (to - from) / BigInt(step) <= BigInt(MAX_LISTED)) {
    const values: Gbnf[] = [];
    const first = ceilTo(from, BigInt(step));
    for (let value = first; value <= to; value += BigInt(step)) {
      if (whole.every((each) => value % BigInt(each) === 0n)) values.push(literal(String(value)));
    }
    return choice(...values);
  }
  if (from === null && to === null) return ref("json-integer");
  const digits = Math.max(MAX_INTEGER_DIGITS, String(from ?? 0n).length, String(to ?? 0n).length);
  return from !== null && to !== null && from > to ? NEVER : integerRange(from, to, digits);
}

/** Whether the bounds leave a number; `multipleOf` is left to validation. */
export function numberAdmits(conjunction: Conjunction, value: number): boolean {
  const { low, high } = boundsOf(conjunction);
  return (
    (low === null || value > low.value || (value === low.value && !low.exclusive)) &&
    (high === null || value < high.value || (value === high.value && !high.exclusive))
  );
}

function boundsOf(conjunction: Conjunction): { low: Bound; high: Bound } {
  let low: Bound = null;
  let high: Bound = null;
  for (const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } of conjunction) {
    for (const bound of boundsFrom(minimum, exclusiveMinimum)) {
      if (low === null || bound.value > low.value || (bound.value === low.value && bound.exclusive))
        low = bound;
    }
    for (const bound of boundsFrom(maximum, exclusiveMaximum)) {
      if (high === null || bound.value < high.value || (bound.value === high.value && bound.exclusive)) {
        high = bound;
      }
    }
  }
  return { low, high };
}

function boundsFrom(included: number | undefined, excluded: number | undefined): NonNullable<Bound>[] {
  return [
    ...(included === undefined ? [] : [{ value: included, exclusive: false }]),
    ...(excluded === undefined ? [] : [{ value: excluded, exclusive: true }]),
  ];
}

function wholeFrom({ value, exclusive }: NonNullable<Bound>): bigint {
  const whole = BigInt(Math.ceil(value));
  return exclusive && Number.isInteger(value) ? whole + 1n : whole;
}

function wholeTo({ value, exclusive }: NonNullable<Bound>): bigint {
  const whole = BigInt(Math.floor(value));
  return exclusive && Number.isInteger(value) ? whole - 1n : whole;
}

function ceilTo(value: bigint, step: bigint): bigint {
  const rest = value % step;
  return rest === 0n ? value : value > 0n ? value + step - rest : value - rest;
}

/** Digits behind the point of the multiples of 0.1, 0.01 and so on; others say nothing about their digits here. */
function stepDigits(step: number): number {
  for (let digits = 1; digits <= MAX_STEP_DIGITS; digits++) {
    if (step === Number(`1e-${digits}`)) return digits;
  }
  return Number.POSITIVE_INFINITY;
}
