import { charset, endOfRun, isDigit, isWithinWord, isWord, startOfRun } from "./characters.ts";
import { type Found, isOpen, MORE, type View } from "./span.ts";

const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = new RegExp(`${OCTET}(?:\\.${OCTET}){3}(?![\\d_A-Za-z]|\\.\\d)`, "y");
const DOTTED = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
const LONGEST_IPV4 = 15;

/** Four numbers with points are as often a version as an address; what stands before them says which. */
const VERSION_BEFORE =
  /(?:\b(?:v|ver|version|release|build|firmware|upgrade[ds]? to)[\s:="']{0,4}|[A-Za-z_][/_@-]|[=~^<>]=\s?)$/i;

/** Of no machine in particular: unspecified, loopback, broadcast and masks (RFC 6890). */
const NOBODYS = /^(?:0\.|127\.|255\.255\.)/;

/** An IPv4 address that begins with the digit at `at` (RFC 791, decimal octets without leading zeros). */
export function findIpv4(view: View, at: number): Found {
  const { text } = view;
  if (isOpen(view, at + LONGEST_IPV4 + 3)) return MORE;
  IPV4.lastIndex = at;
  const [address] = IPV4.exec(text) ?? [];
  if (address === undefined || NOBODYS.test(address)) return null;
  const before = text.charCodeAt(at - 1);
  if (before === 0x2e && isWord(text.charCodeAt(at - 2))) return null;
  if (VERSION_BEFORE.test(text.slice(Math.max(0, at - 24), at))) return null;
  return { kind: "ip", start: at, end: at + address.length };
}

const HEX = charset("0-9A-Fa-f");
const IPV6 = charset("0-9A-Fa-f:.");
/** Eight groups, the last two of which may be written as an IPv4 address. */
const LONGEST_IPV6 = 45;

/** Whether it is an address as RFC 4291, section 2.2, writes it. */
function isIpv6(address: string): boolean {
  const halves = address.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1);
  const dotted = last?.includes(".") === true;
  if (dotted && !DOTTED.test(last)) return false;
  const count = groups.length + (dotted ? 1 : 0);
  if (!(dotted ? groups.slice(0, -1) : groups).every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false;
  return halves.length === 2 ? count <= 7 : count === 8;
}

/**
 * An IPv6 address whose first colon is at `at`. A short form needs a digit and three groups, or the first group of a
 * range in use: `a::b` is a name in many languages.
 */
export function findIpv6(view: View, at: number): Found {
  const { text } = view;
  const start = Math.max(view.from, startOfRun(text, at, HEX, 5));
  if (at - start > 4 || (at === start && text.charCodeAt(at + 1) !== 0x3a)) return null;
  const before = text.charCodeAt(start - 1);
  if (isWithinWord(text, start) || before === 0x3a || before === 0x2e) return null;
  let end = endOfRun(text, at, IPV6, LONGEST_IPV6);
  if (isOpen(view, end + 1)) return MORE;
  if (isWord(text.charCodeAt(end))) return null;
  while (end > at && /[.:]/.test(text[end - 1] ?? "") && !text.slice(at, end).endsWith("::")) end--;
  const address = text.slice(start, end);
  if (!isIpv6(address)) return null;
  const groups = address.split(":").filter((group) => group !== "");
  const inUse = /^(?:2[0-9a-f]{3}|fe[89ab][0-9a-f]|f[cd][0-9a-f]{2}):/i.test(address);
  if (groups.length < 2 || (!inUse && (groups.length < 3 || !/\d/.test(address)))) return null;
  return { kind: "ip", start, end };
}

/** An address of the ranges that are kept for documentation (RFC 5737, RFC 3849). `draw(n)`: a number below n. */
export function ipSurrogate(address: string, draw: (below: number) => number): string {
  if (address.includes(":")) {
    const group = (): string => draw(0x10000).toString(16);
    return `2001:db8:${group()}:${group()}::${group()}`;
  }
  const range = ["192.0.2", "198.51.100", "203.0.113"][draw(3)];
  return `${range}.${1 + draw(254)}`;
}

/** For `findNumber`: a digit, a point and a digit among the first characters. */
export function looksDotted(text: string, at: number): boolean {
  for (let point = at + 1; point <= at + 3; point++)
    if (text.charCodeAt(point) === 0x2e) return isDigit(text.charCodeAt(point + 1));
  return false;
}
