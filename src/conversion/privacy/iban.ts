import { charset, endOfRun, isWord } from "./characters.ts";
import { type Found, isOpen, MORE, type View } from "./span.ts";

/** Countries and the lengths of their numbers (ISO 13616, SWIFT's registry). */
const LENGTHS: ReadonlyMap<string, number> = new Map(
  `AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24
   FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32
   LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24
   RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30`
    .split(/\s+/)
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** 34 characters, and a space or a hyphen after each four. */
const LONGEST = 42;
const WRITTEN = charset("A-Za-z0-9 -");

/** The remainder by 97 of what ISO 7064 makes of the characters: A is 10, Z is 35. */
function mod97(characters: string): number {
  let rest = 0;
  for (let at = 0; at < characters.length; at++) {
    const code = characters.charCodeAt(at);
    rest = code < 0x41 ? (rest * 10 + code - 0x30) % 97 : (rest * 100 + code - 0x37) % 97;
  }
  return rest;
}

/** Whether it is an international bank account number: country, length, and the check digits (ISO 13616). */
export const isIban = (compact: string): boolean =>
  LENGTHS.get(compact.slice(0, 2)) === compact.length && mod97(compact.slice(4) + compact.slice(0, 4)) === 1;

/** An account number that begins at a word: `GB82 WEST 1234 5698 7654 32`, together or in fours, in one case. */
export function findIban(view: View, at: number): Found {
  const { text } = view;
  const length = LENGTHS.get(text.slice(at, at + 2).toUpperCase());
  if (length === undefined) return null;
  const most = endOfRun(text, at, WRITTEN, LONGEST);
  if (isOpen(view, most + 1)) return MORE;
  let compact = "";
  let end = at;
  while (end < most && compact.length < length) {
    const char = text[end] ?? "";
    if (char === " " || char === "-") {
      if (compact.length % 4 !== 0) return null;
      const next = text.charCodeAt(end + 1);
      if (!isWord(next)) return null;
    } else compact += char;
    end++;
  }
  const upper = compact.toUpperCase();
  if (compact !== upper && compact !== compact.toLowerCase()) return null;
  if (isWord(text.charCodeAt(end)) || text[end] === "-" || !isIban(upper)) return null;
  return { kind: "iban", start: at, end };
}

/** A number of the same country and shape that passes its check. `draw` gives letters for letters and digits for digits. */
export function ibanSurrogate(compact: string, draw: (like: string) => string): string {
  const country = compact.slice(0, 2);
  const account = draw(compact.slice(4));
  const check = 98 - mod97(`${account}${country}00`);
  return country + String(check).padStart(2, "0") + account;
}
