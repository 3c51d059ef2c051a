import { finish, mix } from "../../../routing/task/hash.ts";

const BINS = 128;
const BIN_BITS = 7;
const BANDS = 16;
const PER_BAND = BINS / BANDS;
const EMPTY = 0xffffffff;

/** Two calls whose own words overlap by this much (Jaccard) are one example told twice. */
const SAME = 0.85;

/** Which bin an empty one takes its value from, at each try: the same for every set. */
const donor = (bin: number, attempt: number): number => finish(mix(mix(0, bin + 1), attempt)) % BINS;

/**
 * A set as 128 numbers, of which two sets share as many as they have in common: one-permutation MinHash with optimal
 * densification (Shrivastava, ICML 2017). One pass over the set; the estimate of 0.85 has a standard error of 0.03.
 */
export function signatureOf(set: Iterable<number>): Uint32Array {
  const bins = new Uint32Array(BINS).fill(EMPTY);
  let filled = false;
  for (const member of set) {
    const hash = finish(mix(0x2545f491, member));
    const bin = hash >>> (32 - BIN_BITS);
    const value = hash & (EMPTY >>> BIN_BITS);
    if (value < (bins[bin] ?? 0)) bins[bin] = value;
    filled = true;
  }
  if (!filled) return bins;
  return bins.map((value, bin) => {
    if (value !== EMPTY) return value;
    let from = donor(bin, 0);
    for (let attempt = 1; bins[from] === EMPTY; attempt++) from = donor(bin, attempt);
    return bins[from] ?? EMPTY;
  });
}

/** The share of what two sets say that both say, estimated. */
function similarity(a: Uint32Array, b: Uint32Array): number {
  return a.reduce((same, value, bin) => same + Number(value === b[bin]), 0) / BINS;
}

/** Whether two sets are nearly the same. */
export const nearlySame = (a: Uint32Array, b: Uint32Array): boolean => similarity(a, b) >= SAME;

/**
 * Names under which a signature is kept, and looked up: sets that overlap by 0.85 share one with a probability of 0.99, those
 * that overlap by a half in one of twenty cases (16 bands of 8 rows; Leskovec et al., Mining of Massive Datasets, 3.4).
 */
export function bandsOf(signature: Uint32Array): number[] {
  return Array.from({ length: BANDS }, (_, band) =>
    finish(signature.subarray(band * PER_BAND, (band + 1) * PER_BAND).reduce(mix, band)),
  );
}
