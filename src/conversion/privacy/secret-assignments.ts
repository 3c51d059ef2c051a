import { type Charset, charset, endOfRun, startOfRun } from "./characters.ts";
import { type Found, isOpen, MORE, type View } from "./span.ts";

const NAME = charset("A-Za-z0-9_.-");
const LONGEST_NAME = 48;
const BLANK = charset(" \\t");
/** Of a value; a longer one is found to here. */
const MAX_VALUE = 1_024;
const UNQUOTED = charset("A-Za-z0-9!#$%*+./:=?@^_~-");
/** In `a=b&c=d` it ends the value. */
const AFTER_COLON = charset("A-Za-z0-9!#$%&*+./:=?@^_~-");
const QUOTES = "\"'`";

const PASSWORD_NAME =
  /(?:password|passwd|passphrase|passcode|passwort|kennwort|contrasena|motdepasse|pass|pwd)\d?$/;
const TOKEN_NAME =
  /(?:secret|token|credentials?|authorization|(?:api|access|account|private|signing|encryption|auth|master|shared|app|service|license|admin|secret)(?:secret|access)?key(?:base)?)\d?$/;
/** Names that end like a secret's and hold none: cursors of pages, counts, ids that are public. */
const NO_SECRET =
  /(?:next|page|continuation|sync|cancellation|eos|bos|pad|special|public)(?:page)?(?:token|key)$/;

/** What stands for a value without being one. */
const PLACEHOLDER =
  /^(?:[<{[(]|\$\{|\$\w+$|%\w+%$|[*•x.]{3,}$|(?:your|my|the|new|old|user|db|admin|test|current|confirm|some|example|insert|enter|change|hashed|encrypted)?[_. -]?(?:password|passwd|passphrase|pwd|pass|secret|token|key|apikey|api[_. -]key|credentials?|value|me|it|here)(?:[_. -]?(?:here|hash|value|field|input|string))?$|(?:null|none|nil|true|false|undefined|string|str|text|number|boolean|object|array|required|optional|redacted|hidden|masked|removed|empty|missing|invalid|incorrect|wrong|expired|unknown|example|placeholder|default)$)/i;

/** Bits of a character, by how often each occurs in the text (C. E. Shannon). */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

type Sort = "password" | "token";

/** How those names end: most names are told from them by their last letter. */
const LAST_LETTER = charset("adelnstyADELNSTY0-9");

/** What a field of this name holds; null where it is no secret. */
export function secretNamed(name: string): Sort | null {
  if (name.length < 3) return null;
  const plain = name.toLowerCase().replace(/[_.\s-]/g, "");
  if (PASSWORD_NAME.test(plain)) return "password";
  return TOKEN_NAME.test(plain) && !NO_SECRET.test(plain) ? "token" : null;
}

/** Whether a value is a secret where a field's name says that one stands here. */
export function isSecretValue(sort: Sort, value: string): boolean {
  if (PLACEHOLDER.test(value)) return false;
  if (sort === "password") return value.length >= 4;
  return (
    value.length >= 16 &&
    /^[\w+/=.~:-]+$/.test(value) &&
    /\d/.test(value) &&
    /[A-Za-z]/.test(value) &&
    entropy(value) >= 2.8
  );
}

/** The name that ends before `at`, quotes and blanks between left out. */
function nameBefore(text: string, at: number, from: number): string {
  let end = startOfRun(text, at, BLANK, 2);
  if (QUOTES.includes(text[end - 1] ?? " ")) {
    end--;
    if (text[end - 1] === "\\") end--;
  } else if (text[end - 1] === "]") end--;
  if (QUOTES.includes(text[end - 1] ?? " ")) end--;
  if (LAST_LETTER[text.charCodeAt(end - 1)] !== 1) return "";
  return text.slice(Math.max(from, startOfRun(text, end, NAME, LONGEST_NAME)), end);
}

interface Value {
  start: number;
  end: number;
  quoted: boolean;
}

/** The value that begins at `from`, after blanks and a quote. */
function valueAt(view: View, from: number, unquoted: Charset): Value | typeof MORE {
  const { text } = view;
  let start = endOfRun(text, from, BLANK, 4);
  if (text[start] === "\\" && QUOTES.includes(text[start + 1] ?? " ")) start++;
  if (isOpen(view, start + 2)) return MORE;
  const quote = text[start] ?? "";
  if (!QUOTES.includes(quote) || quote === "") {
    const end = endOfRun(text, start, unquoted, MAX_VALUE);
    return isOpen(view, end + 1) ? MORE : { start, end, quoted: false };
  }
  start++;
  const limit = Math.min(text.length, start + MAX_VALUE);
  let end = start;
  while (end < limit && text[end] !== quote && text[end] !== "\\" && text[end] !== "\n") end++;
  return isOpen(view, end + 1) ? MORE : { start, end, quoted: true };
}

/** In the open, a word after a colon may be prose (`password: required`), and a name after ` = ` code. */
function isWritten(view: View, sign: number, { start, end, quoted }: Value): boolean {
  const { text } = view;
  if (quoted) return !/\s/.test(text.slice(start, end));
  if (text[end] === "(" || text[end] === "[") return false;
  const value = text.slice(start, end).replace(/[!?]+$/, "");
  const assigned = text[sign] === "=" && start === sign + 1;
  return assigned ? value.length >= 6 || /\d/.test(value) : value.length >= 6 && /[^A-Za-z_.:]/.test(value);
}

/** A secret after the `=` or `:` at `at`, where the name before it says so. */
export function findAssignedSecret(view: View, at: number): Found {
  const { text } = view;
  const sort = secretNamed(nameBefore(text, at, 0));
  if (sort === null) return null;
  if (isOpen(view, at + 16)) return MORE;
  const operator = /^(?:=>|==|:=|[=:])\s{0,2}/.exec(text.slice(at, at + 6))?.[0] ?? "";
  const scheme = /^["'`]?(?:bearer|basic|token)\s/i.exec(
    text.slice(at + operator.length, at + operator.length + 9),
  );
  const from = at + (scheme === null ? operator.trimEnd().length || 1 : operator.length + scheme[0].length);
  const value = valueAt(view, from, text[at] === ":" ? AFTER_COLON : UNQUOTED);
  if (value === MORE) return MORE;
  const end = value.quoted ? value.end : withoutTail(text, value);
  const written = { ...value, end };
  if (!isWritten(view, at, written) || !isSecretValue(sort, text.slice(value.start, end))) return null;
  return { kind: "secret", start: value.start, end };
}

/** Punctuation of the sentence that a value ends. */
function withoutTail(text: string, { start, end }: Value): number {
  let to = end;
  while (to > start && ".,:;?".includes(text[to - 1] ?? " ")) to--;
  return to;
}

const SPOKEN =
  /(?:(?:password|passphrase|passcode|passwort|kennwort|contraseña)\s(?:is|was|to|ist|lautet|es|:)\s["'`]?|(?:bearer|basic)\s{1,2})/iy;

/** The first three letters of the words after which a secret may be said, small. */
const SPOKEN_STARTS = new Set(
  ["pas", "ken", "con", "bea", "bas"].map((start) =>
    startKey(...[0, 1, 2].map((at) => start.charCodeAt(at))),
  ),
);

function startKey(one = 0, two = 0, three = 0): number {
  return ((one | 0x20) << 16) | ((two | 0x20) << 8) | (three | 0x20);
}

/** Whether a word begins like one after which a secret may be said. */
export const startsSpokenSecret = (text: string, at: number): boolean =>
  SPOKEN_STARTS.has(startKey(text.charCodeAt(at), text.charCodeAt(at + 1), text.charCodeAt(at + 2)));

/** What follows `password is` or `Bearer` at `at`: with a digit and no word of a language. */
export function findSpokenSecret(view: View, at: number): Found {
  const { text } = view;
  if (isOpen(view, at + 26)) return MORE;
  SPOKEN.lastIndex = at;
  const [lead] = SPOKEN.exec(text) ?? [];
  if (lead === undefined) return null;
  const start = at + lead.length;
  const run = endOfRun(text, start, UNQUOTED, MAX_VALUE);
  if (isOpen(view, run + 1)) return MORE;
  const end = withoutTail(text, { start, end: run, quoted: false });
  const value = text.slice(start, end);
  const sort: Sort = /^b/i.test(lead) ? "token" : "password";
  const least = sort === "password" ? 6 : 16;
  const isSecret =
    value.length >= least && /\d/.test(value) && /[^\d.,:/-]/.test(value) && !PLACEHOLDER.test(value);
  return isSecret ? { kind: "secret", start, end } : null;
}
