import { charset, endOfRun, isWithinWord, isWord } from "./characters.ts";
import { type Found, isOpen, MORE, type View } from "./span.ts";

/** RFC 5321, section 4.5.3.1: octets of the local part, and of the domain. */
const MAX_LOCAL = 64;
const MAX_DOMAIN = 255;

const LOCAL = charset("A-Za-z0-9.!#$%&*+/=?^_{|}~'-");
const DOMAIN = charset("A-Za-z0-9.-");

/** File names are written so: `icon@2x.png`. */
const FILE_ENDINGS = /^(?:png|jpe?g|gif|webp|svg|css|js|mjs|json|html?|map|woff2?)$/i;
/** Before an address without being part of it: `mailto:`, `to=`, `{`, quotes. */
const NOT_FIRST = /^[.!#$%&*/=?^{|}~'+-]+/;
const TOP_LABEL = /^(?:\p{L}{2,24}|xn--[a-z0-9-]{2,59})$/iu;
const LABEL = /^[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?$/u;

/** Letters of alphabets that addresses are written in (RFC 6531); scripts without spaces begin where none can be told. */
const isAlphabetic = (code: number): boolean =>
  code >= 0xc0 && code < 0x600 && code !== 0xd7 && code !== 0xf7;

function startOfLocal(view: View, at: number): number {
  const { text } = view;
  const limit = Math.max(view.from, at - MAX_LOCAL - 1);
  let start = at;
  while (start > limit) {
    const code = text.charCodeAt(start - 1);
    if (LOCAL[code] !== 1 && !isAlphabetic(code)) break;
    start--;
  }
  return start < at && isWord(text.charCodeAt(start)) && !isWithinWord(text, start + 1) ? start + 1 : start;
}

function endOfDomain(text: string, from: number): number {
  let end = endOfRun(text, from, DOMAIN, MAX_DOMAIN + 1);
  while (end - from <= MAX_DOMAIN && isAlphabetic(text.charCodeAt(end)))
    end = endOfRun(text, end + 1, DOMAIN, MAX_DOMAIN + 1 - (end - from));
  return end;
}

/** Index before which an `@` that is still to come has nothing to claim; `at` is where it would stand. */
export const startOfAddress = startOfLocal;

/** An address around the `@` at `at` (RFC 5321, without quoted local parts and address literals). */
export function findEmail(view: View, at: number): Found {
  const { text } = view;
  let start = startOfLocal(view, at);
  if (at - start > MAX_LOCAL) return null;
  // `key=value` and paths before it belong to what stands around.
  const local = text.slice(start, at);
  const cut = Math.max(local.lastIndexOf("="), local.lastIndexOf("/"), local.lastIndexOf("|"));
  start += cut + 1;
  start += NOT_FIRST.exec(text.slice(start, at))?.[0].length ?? 0;
  const name = text.slice(start, at);
  if (name === "" || name.endsWith(".") || name.includes("..")) return null;
  let end = endOfDomain(text, at + 1);
  if (isOpen(view, end + 1)) return MORE;
  if (end - at - 1 > MAX_DOMAIN) return null;
  while (end > at + 1 && /[.-]/.test(text[end - 1] ?? "")) end--;
  const labels = text.slice(at + 1, end).split(".");
  const top = labels.at(-1) ?? "";
  if (labels.length < 2 || !TOP_LABEL.test(top)) return null;
  if (FILE_ENDINGS.test(top) || !labels.every((label) => LABEL.test(label))) return null;
  return { kind: "email", start, end };
}

/** An address at the domain that is kept for examples (RFC 2606, section 3). */
export const emailSurrogate = (draw: (like: string) => string): string =>
  `user.${draw("xxxx0000")}@example.com`;
