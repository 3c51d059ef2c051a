import { luhnDigit, passesLuhn } from "./card.ts";
import { isDigit, isWord } from "./characters.ts";
import { type Found, isOpen, MORE, type View } from "./span.ts";

/** Numbers drawn for a surrogate: `count` digits. */
type DrawDigits = (count: number) => string;

/** Whether it can have been given out as a social security number of the United States: no area, group or serial of zeros, none from 900 on. */
export const isSsn = (digits: string): boolean => /^(?!000|666|9)\d{3}(?!00)\d{2}(?!0000)\d{4}$/.test(digits);

/** A number that is given out neither as a social security number nor to taxpayers: 900 to 999, groups 10 to 49. */
export const ssnSurrogate = (draw: DrawDigits): string =>
  `9${draw(2)}${1 + (Number(draw(1)) % 4)}${draw(1)}${draw(3)}1`;

function cpfChecks(body: string): string {
  const check = (digits: string): string => {
    let sum = 0;
    for (let at = 0; at < digits.length; at++) sum += Number(digits[at]) * (digits.length + 1 - at);
    return String(((sum * 10) % 11) % 10);
  };
  const first = check(body);
  return first + check(body + first);
}

const dniLetter = (digits: string): string => "TRWAGMYFPDXBNJZSQVHLCKE"[Number(digits) % 23] ?? "";

const rows = (text: string): number[][] => text.split(" ").map((row) => Array.from(row, Number));
const DIHEDRAL = rows(
  "0123456789 1234067895 2340178956 3401289567 4012395678 5987604321 6598710432 7659821043 8765932104 9876543210",
);
const PERMUTATION = rows(
  "0123456789 1576283094 5803796142 8916043527 9453126870 4286573901 2793806415 7046913258",
);

/** J. Verhoeff's check digit (1969): products in the dihedral group of order ten. */
function verhoeffDigit(digits: string): string {
  let check = 0;
  for (let at = digits.length - 1, place = 1; at >= 0; at--, place++)
    check = DIHEDRAL[check]?.[PERMUTATION[place % 8]?.[Number(digits[at])] ?? 0] ?? 0;
  return "0432156789"[check] ?? "";
}

const ODD_PLACES = [
  1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
];

function codiceLetter(body: string): string {
  let sum = 0;
  for (let at = 0; at < body.length; at++) {
    const code = body.charCodeAt(at);
    const value = code < 0x41 ? code - 0x30 : code - 0x41;
    sum += at % 2 === 0 ? (ODD_PLACES[value] ?? 0) : value;
  }
  return String.fromCharCode(0x41 + (sum % 26));
}

const nirKey = (body: string): string => String(97 - (Number(body) % 97)).padStart(2, "0");

interface NationalId {
  /** As it is written, capitals and separators included. */
  written: RegExp;
  /** Without its separators. */
  isValid: (compact: string) => boolean;
  /** A valid number of the same form; no country keeps a range for examples. */
  surrogate: (compact: string, draw: DrawDigits) => string;
}

const NATIONAL_IDS: readonly NationalId[] = [
  {
    // BR: CPF: two check digits modulo 11 (Receita Federal)
    written: /\d{3}\.\d{3}\.\d{3}-\d{2}/y,
    isValid: (id) => cpfChecks(id.slice(0, 9)) === id.slice(9) && !/^(\d)\1+$/.test(id),
    surrogate: (_, draw) => {
      const body = draw(9);
      return body + cpfChecks(body);
    },
  },
  {
    // ES: DNI: a letter by the remainder by 23 (Orden INT/2058/2008)
    written: /\d{8}-?[A-Z]/y,
    isValid: (id) => dniLetter(id.slice(0, 8)) === id[8],
    surrogate: (_, draw) => {
      const body = draw(8);
      return body + dniLetter(body);
    },
  },
  {
    // ES: NIE: the same with X, Y, Z for 0, 1, 2
    written: /[XYZ]-?\d{7}-?[A-Z]/y,
    isValid: (id) => dniLetter("XYZ".indexOf(id[0] ?? "") + id.slice(1, 8)) === id[8],
    surrogate: (id, draw) => {
      const body = draw(7);
      return (id[0] ?? "X") + body + dniLetter("XYZ".indexOf(id[0] ?? "X") + body);
    },
  },
  {
    // IN: Aadhaar: Verhoeff's check digit (UIDAI)
    written: /[2-9]\d{3}([ -])\d{4}\1\d{4}/y,
    isValid: (id) => verhoeffDigit(id.slice(0, 11)) === id[11],
    surrogate: (_, draw) => {
      const body = `2${draw(10)}`;
      return body + verhoeffDigit(body);
    },
  },
  {
    // FR: NIR: sex, year, month, place, serial, and a key modulo 97 (INSEE)
    written: /[12] ?\d\d ?(?:0[1-9]|1[0-2]) ?\d\d ?\d{3} ?\d{3} ?\d\d/y,
    isValid: (id) => nirKey(id.slice(0, 13)) === id.slice(13),
    surrogate: (id, draw) => {
      const body = id.slice(0, 5) + draw(8);
      return body + nirKey(body);
    },
  },
  {
    // SE: Personnummer: a date of birth and Luhn's check digit (SFS 1991:481)
    written: /\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[-+]\d{4}/y,
    isValid: passesLuhn,
    surrogate: (id, draw) => {
      const body = id.slice(0, 6) + draw(3);
      return body + luhnDigit(body);
    },
  },
  {
    // IT: Codice fiscale: a control letter (D.M. 23 December 1976)
    written: /[A-Z]{6}\d\d[ABCDEHLMPRST]\d\d[A-Z]\d{3}[A-Z]/y,
    isValid: (id) => codiceLetter(id.slice(0, 15)) === id[15],
    surrogate: (id, draw) => {
      const body = `RSSMRA${draw(2)}${id[8]}${1 + (Number(draw(1)) % 2)}${draw(1)}${id[11]}${draw(3)}`;
      return body + codiceLetter(body);
    },
  },
];

const OF_DIGITS = NATIONAL_IDS.filter(
  ({ written }) => !written.source.startsWith("[X") && !written.source.startsWith("[A"),
);
const OF_LETTERS = NATIONAL_IDS.filter((id) => !OF_DIGITS.includes(id));

/** The longest as it is written, and what shows where it ends. */
const REACH = 24;

const compactOf = (written: string): string => written.replace(/[ .+-]/g, "");

/** A national number with check digits that begins at `at`: Brazil, Spain, India, France, Sweden, Italy. */
export function findNationalId(view: View, at: number): Found {
  const { text } = view;
  if (isOpen(view, at + REACH)) return MORE;
  for (const { written, isValid } of isDigit(text.charCodeAt(at)) ? OF_DIGITS : OF_LETTERS) {
    written.lastIndex = at;
    const [id] = written.exec(text) ?? [];
    if (id === undefined) continue;
    const end = at + id.length;
    const next = text.charCodeAt(end);
    if (isWord(next) || (next === 0x2d && isWord(text.charCodeAt(end + 1)))) continue;
    if (isValid(compactOf(id))) return { kind: "national_id", start: at, end };
  }
  return null;
}

/** Another number of the same country, without separators, for one as it is written. */
export function nationalIdSurrogate(written: string, draw: DrawDigits): string {
  const compact = compactOf(written);
  const id = NATIONAL_IDS.find((each) => {
    each.written.lastIndex = 0;
    return each.written.exec(written)?.[0] === written && each.isValid(compact);
  });
  return id === undefined ? draw(compact.length) : id.surrogate(compact, draw);
}
