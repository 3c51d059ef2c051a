import { cardSurrogate } from "./card.ts";
import { emailSurrogate } from "./email.ts";
import { ibanSurrogate } from "./iban.ts";
import { ipSurrogate } from "./ip.ts";
import { type Draw, keyedDraws } from "./keyed-draw.ts";
import { nationalIdSurrogate, ssnSurrogate } from "./national-id.ts";
import { phoneDigits, phoneKey, phoneSurrogate } from "./phone.ts";
import { secretSurrogate } from "./secret-surrogate.ts";
import type { PrivateKind } from "./span.ts";
import { urlSurrogate } from "./url.ts";

const digitsOf = (written: string): string => written.replace(/\D/g, "");
const compactOf = (written: string): string => written.replace(/[\s.+-]/g, "").toUpperCase();

/** By what a value is the same, however it is written. */
const SAME: Record<PrivateKind, (written: string) => string> = {
  card: digitsOf,
  iban: compactOf,
  email: (written) => written.toLowerCase(),
  ip: (written) => written.toLowerCase(),
  ssn: digitsOf,
  national_id: compactOf,
  url: (written) => written,
  phone: (written) => phoneKey(phoneDigits(written)),
  secret: (written) => written,
};

/** The characters of `compact` in the places of the letters and digits of `written`, and in its case. */
function writtenLike(written: string, compact: string): string {
  let at = 0;
  const text = written.replace(/[A-Za-z0-9]/g, () => compact[at++] ?? "");
  return written === written.toLowerCase() ? text.toLowerCase() : text;
}

interface Drawing {
  written: string;
  draw: Draw;
  /** For parts of a value that are the same in other values. */
  drawPart: (what: string, like: string) => string;
}

const SURROGATE: Record<PrivateKind, (drawing: Drawing) => string> = {
  card: ({ written, draw }) => writtenLike(written, cardSurrogate(digitsOf(written), draw.digits)),
  iban: ({ written, draw }) => writtenLike(written, ibanSurrogate(compactOf(written), draw.like)),
  email: ({ draw }) => emailSurrogate(draw.like),
  ip: ({ written, draw }) => ipSurrogate(written, draw.below),
  ssn: ({ written, draw }) => writtenLike(written, ssnSurrogate(draw.digits)),
  national_id: ({ written, draw }) => writtenLike(written, nationalIdSurrogate(written, draw.digits)),
  url: ({ written, drawPart }) => urlSurrogate(written, drawPart),
  phone: ({ written, draw }) => phoneSurrogate(written, draw.digits),
  secret: ({ written, draw }) => secretSurrogate(written, draw.like),
};

/** Values that are remembered; the ranges that are kept for examples are small, and two values should not share one. */
const MAX_KNOWN = 100_000;
/** Draws until one is free. */
const MAX_DRAWS = 16;

/** Gives the surrogate of a value. */
export type SurrogateOf = (kind: PrivateKind, written: string) => string;

/**
 * Surrogates under one seed: one value gets one surrogate, of its kind and valid for it. Where a range for examples is small
 * (768 IPv4 addresses) two values may share one, and only where no other is free to be found.
 */
export function surrogatesOf(seed: string): SurrogateOf {
  const draws = keyedDraws(seed);
  const known = new Map<string, string>();
  const takenBy = new Map<string, string>();

  const drawPart = (what: string, like: string): string => draws(`url ${what}\n${like}`).like(like);

  function drawn(kind: PrivateKind, written: string, same: string): string {
    let surrogate = written;
    for (let attempt = 0; attempt < MAX_DRAWS; attempt++) {
      surrogate = SURROGATE[kind]({ written, draw: draws(`${kind} ${attempt}\n${same}`), drawPart });
      const owner = takenBy.get(surrogate);
      if (surrogate !== written && (owner === undefined || owner === same)) break;
    }
    return surrogate;
  }

  return (kind, written) => {
    const entry = `${kind}\n${written}`;
    const before = known.get(entry);
    if (before !== undefined) return before;
    const same = SAME[kind](written);
    const surrogate = drawn(kind, written, same);
    if (known.size < MAX_KNOWN) {
      known.set(entry, surrogate);
      takenBy.set(surrogate, same);
    }
    return surrogate;
  };
}
