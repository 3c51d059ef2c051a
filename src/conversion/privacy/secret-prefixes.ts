import { type Charset, charset, endOfRun, isWord } from "./characters.ts";
import { type Found, isOpen, MORE, type View } from "./span.ts";

const ALPHANUMERIC = charset("A-Za-z0-9");
const WORD = charset("A-Za-z0-9_");
const URL_SAFE = charset("A-Za-z0-9_-");
const DOTTED = charset("A-Za-z0-9_.-");
const BASE64 = charset("A-Za-z0-9+/=_-");
const HEX = charset("a-f0-9");
const CAPITALS = charset("A-Z0-9");

/** How a provider's secrets begin, of what characters the rest is, and how many of these there are. */
interface Shape {
  prefix: string;
  rest: Charset;
  least: number;
  most: number;
}

const exactly = (rest: Charset, length: number, ...prefixes: string[]): Shape[] =>
  prefixes.map((prefix) => ({ prefix, rest, least: length, most: length }));
const between = (rest: Charset, least: number, most: number, ...prefixes: string[]): Shape[] =>
  prefixes.map((prefix) => ({ prefix, rest, least, most }));

/** As the providers document them, and as gitleaks' and secretlint's rules have them. The longer prefix first. */
const SHAPES: readonly Shape[] = [
  // AWS, Google, Azure, DigitalOcean, Alibaba
  ...exactly(CAPITALS, 16, "AKIA", "ASIA", "ABIA", "ACCA"),
  ...exactly(URL_SAFE, 35, "AIza"),
  ...exactly(URL_SAFE, 28, "GOCSPX-"),
  ...between(URL_SAFE, 20, 400, "ya29."),
  ...exactly(HEX, 64, "dop_v1_", "doo_v1_", "dor_v1_"),
  ...exactly(ALPHANUMERIC, 20, "LTAI"),
  // Models
  ...between(URL_SAFE, 32, 256, "sk-ant-", "sk-proj-", "sk-svcacct-", "sk-admin-", "sk-or-v1-"),
  ...between(ALPHANUMERIC, 20, 128, "sk-"),
  ...between(ALPHANUMERIC, 30, 100, "hf_", "api_org_", "r8_"),
  ...between(ALPHANUMERIC, 40, 100, "gsk_", "xai-", "pplx-", "fw_"),
  ...exactly(ALPHANUMERIC, 39, "rl_"),
  ...between(URL_SAFE, 40, 60, "rlj_"),
  // Code and packages
  ...exactly(ALPHANUMERIC, 36, "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
  ...between(WORD, 60, 100, "github_pat_"),
  ...between(
    DOTTED,
    20,
    300,
    "glpat-",
    "gldt-",
    "glrt-",
    "glptt-",
    "glcbt-",
    "glagent-",
    "gloas-",
    "glsoat-",
  ),
  ...exactly(ALPHANUMERIC, 36, "npm_"),
  ...between(URL_SAFE, 50, 1_000, "pypi-AgE"),
  ...exactly(HEX, 48, "rubygems_"),
  ...between(URL_SAFE, 27, 40, "dckr_pat_", "dckr_oat_"),
  ...between(URL_SAFE, 100, 400, "ATATT3", "ATCTT3"),
  ...exactly(CAPITALS, 26, "API-"),
  // Messages
  ...between(
    URL_SAFE,
    20,
    250,
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxr-",
    "xoxs-",
    "xoxe-",
    "xoxe.xoxp-",
    "xoxe.xoxb-",
    "xapp-",
  ),
  ...exactly(HEX, 32, "SK", "key-"),
  ...exactly(DOTTED, 66, "SG."),
  // Payments and shops
  ...between(ALPHANUMERIC, 16, 250, "sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"),
  ...between(URL_SAFE, 22, 60, "sq0atp-", "sq0csp-", "sq0idp-"),
  ...exactly(HEX, 32, "shpat_", "shpca_", "shppa_", "shpss_"),
  ...between(URL_SAFE, 12, 60, "FLWSECK_TEST-", "FLWSECK-"),
  // Operations
  ...exactly(HEX, 32, "dapi"),
  ...between(URL_SAFE, 20, 300, "hvs.", "hvb.", "hvr."),
  ...between(ALPHANUMERIC, 40, 60, "dp.pt.", "dp.st.", "dp.sa.", "dp.ct."),
  ...between(BASE64, 32, 300, "glsa_", "glc_", "sntrys_", "sntryu_", "fo1_", "fm2_"),
  ...between(URL_SAFE, 27, 60, "NRAK-", "NRII-", "NRJS-"),
  ...between(URL_SAFE, 59, 59, "PMAK-"),
  ...exactly(ALPHANUMERIC, 40, "lin_api_", "lin_oauth_"),
  ...between(ALPHANUMERIC, 40, 60, "ntn_", "secret_"),
  ...between(URL_SAFE, 30, 60, "figd_", "figo_"),
  ...between(DOTTED, 32, 64, "pscale_tkn_", "pscale_oauth_", "pscale_pw_"),
  ...between(BASE64, 200, 2_000, "ops_eyJ"),
  ...exactly(CAPITALS, 58, "AGE-SECRET-KEY-1"),
  ...between(ALPHANUMERIC, 80, 300, "EAAC", "EAAM", "EAAG"),
];

const LONGEST_PREFIX = Math.max(...SHAPES.map(({ prefix }) => prefix.length));

/** The shapes by their first two characters: most words begin like none of them. */
const BY_START = new Map<number, Shape[]>();
const keyOf = (first: number, second: number): number => first * 128 + second;
for (const shape of SHAPES) {
  const key = keyOf(shape.prefix.charCodeAt(0), shape.prefix.charCodeAt(1));
  BY_START.set(key, [...(BY_START.get(key) ?? []), shape]);
}
const STARTS = new Uint8Array(128 * 128);
for (const key of BY_START.keys()) STARTS[key] = 1;

/** Fewer different characters than this are a placeholder: `sk-xxxxxxxxxxxxxxxxxxxx`. */
const LEAST_DISTINCT = 6;
/** Of the characters that are looked at for it. */
const LOOKED_AT = 32;

/** Whether a word that begins so may be a provider's secret. */
export const startsSecret = (first: number, second: number): boolean => STARTS[keyOf(first, second)] === 1;

/** A secret that is known by how it begins: `AKIA…`, `ghp_…`, `sk-ant-…`. */
export function findPrefixedSecret(view: View, at: number): Found {
  const { text } = view;
  if (isOpen(view, at + LONGEST_PREFIX)) return MORE;
  for (const shape of BY_START.get(keyOf(text.charCodeAt(at), text.charCodeAt(at + 1))) ?? []) {
    if (!text.startsWith(shape.prefix, at)) continue;
    const from = at + shape.prefix.length;
    let end = endOfRun(text, from, shape.rest, shape.most + 1);
    if (isOpen(view, end + 1)) return MORE;
    // A point may be the sentence's.
    while (text[end - 1] === ".") end--;
    const length = end - from;
    if (length < shape.least || length > shape.most || isWord(text.charCodeAt(end))) continue;
    const rest = text.slice(from, Math.min(end, from + LOOKED_AT));
    if (new Set(rest).size < LEAST_DISTINCT || !/\d/.test(rest)) continue;
    return { kind: "secret", start: at, end };
  }
  return null;
}

/** What of a secret is the same in all of its provider's; "" where it is none of theirs. */
export const prefixOf = (secret: string): string =>
  SHAPES.find(({ prefix, least }) => secret.startsWith(prefix) && secret.length >= prefix.length + least)
    ?.prefix ?? "";

/** A JSON Web Token has at most this many characters in each of its parts here; longer ones are found to there. */
const MAX_PART = 8_192;
const LEAST_PART = 10;

/** A JSON Web Token (RFC 7519): three base64url parts, the first two of which are JSON objects, `eyJ…`. */
export function findJwt(view: View, at: number): Found {
  const { text } = view;
  if (isOpen(view, at + 3)) return MORE;
  if (!text.startsWith("eyJ", at)) return null;
  const before = text.charCodeAt(at - 1);
  if (before === 0x2d || before === 0x2e) return null;
  let end = at;
  for (let part = 1; part <= 3; part++) {
    const from = end;
    end = endOfRun(text, from, URL_SAFE, MAX_PART);
    if (isOpen(view, end + 1)) return MORE;
    if (part < 3) {
      if (end - from < LEAST_PART || text[end] !== ".") return null;
      if (part === 2 && !text.startsWith("eyJ", from)) return null;
      end++;
    }
  }
  return { kind: "secret", start: at, end };
}

const KEY_BEGIN = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/y;
const LONGEST_BEGIN = 80;
/** A key of 16,384 bits takes 13,000 characters. A block without an end is taken to here. */
const MAX_BLOCK = 16_384;

/** A private key as PEM writes it (RFC 7468), from its first line to its last, line feeds escaped or not. */
export function findPrivateKey(view: View, at: number): Found {
  const { text } = view;
  if (isOpen(view, at + 11)) return MORE;
  if (text[at + 5] !== "B" || !text.startsWith("-----BEGIN ", at)) return null;
  if (isOpen(view, at + LONGEST_BEGIN)) return MORE;
  KEY_BEGIN.lastIndex = at;
  const [begin] = KEY_BEGIN.exec(text) ?? [];
  if (begin === undefined) return null;
  const within = text.slice(at + begin.length, at + MAX_BLOCK);
  const end = /-----END [A-Z0-9 ]{0,60}-----/.exec(within);
  if (end !== null) return { kind: "secret", start: at, end: at + begin.length + end.index + end[0].length };
  if (isOpen(view, at + MAX_BLOCK)) return MORE;
  // No end: what still looks like a key is one.
  const body = /^[A-Za-z0-9+/=\s\\:,.-]*/.exec(within)?.[0] ?? "";
  return { kind: "secret", start: at, end: at + begin.length + body.length };
}
