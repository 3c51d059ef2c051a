import { findPrivate } from "./find-private.ts";
import { type JsonLeaf, mapJsonLeaves } from "./json-strings.ts";
import { privateStream } from "./private-stream.ts";
import { isSecretValue, secretNamed } from "./secret-assignments.ts";
import type { Span } from "./span.ts";
import { surrogatesOf } from "./surrogate-of.ts";

/** A message of a conversation in OpenAI's chat form, as far as anything of it is read here. */
export interface ChatMessage {
  role: string;
  content?: unknown;
  tool_calls?: unknown;
}

/** Replaces what is private, in texts, in JSON and in conversations. */
export interface Surrogates {
  /**
   * The text with every private value replaced. A text that is a JSON object or list stays valid JSON: replaced are its
   * strings, with what the names of their fields say of them, and numbers that are cards and the like.
   */
  text(text: string): string;
  /** The same of a text whose end is missing: what may be the beginning of a private value there is left out. */
  beginning(text: string): string;
  /**
   * The messages with every private value replaced: contents, arguments of tool calls, what tools answered, names of
   * people. Roles, ids, types, names of tools and embedded media stay as they are.
   */
  conversation<Message extends ChatMessage>(messages: readonly Message[]): Message[];
}

/** Shorter seeds can be guessed, and then whether a surrogate stands for a certain value. */
export const MIN_SEED_LENGTH = 16;
/** JSON in a string of JSON in a string …: deeper than this it is read as text. */
const MAX_DEPTH = 8;
/** A field's name says something of a short value alone. UTF-16 units. */
const NAMED_LENGTH = 200;

/** Media within the text (RFC 2397): nobody looks into them. */
const EMBEDDED = /^data:[\w.+/-]*(?:;[\w=.+-]*)*;base64,[\w+/=-]*$/;

/** Fields of messages and of their parts that name things and hold nothing that anyone wrote. */
const STRUCTURE = new Set([
  "role",
  "type",
  "id",
  "tool_call_id",
  "call_id",
  "index",
  "format",
  "detail",
  "mime_type",
]);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const looksLikeJson = (text: string): boolean => /^\s*[{[]/.test(text);

function isJsonText(text: string): boolean {
  if (!looksLikeJson(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Surrogates for one scope: a data set, a project. The same value gets the same surrogate wherever it stands in it, of the
 * same kind and valid for its checks, from ranges that are kept for tests, examples and fiction where there are any. They
 * follow from `seed` by HMAC, so that nobody without it can tell what they stand for.
 *
 * @throws RangeError when the seed is too short to be a secret.
 */
export function surrogates({ seed }: { seed: string }): Surrogates {
  if (seed.length < MIN_SEED_LENGTH)
    throw new RangeError(`A seed of surrogates needs at least ${MIN_SEED_LENGTH} characters.`);
  const surrogateOf = surrogatesOf(seed);

  function replaced(text: string, spans: readonly Span[]): string {
    let out = "";
    let from = 0;
    for (const { kind, start, end } of spans) {
      out += text.slice(from, start) + surrogateOf(kind, text.slice(start, end));
      from = end;
    }
    return from === 0 ? text : out + text.slice(from);
  }

  /** What is private in a field's value, by the value and by the field's name. */
  function spansOf(value: string, name: string | null): Span[] {
    if (name === null || value.length > NAMED_LENGTH) return findPrivate(value);
    const sort = secretNamed(name);
    if (sort !== null && !/\s/.test(value) && isSecretValue(sort, value))
      return [{ kind: "secret", start: 0, end: value.length }];
    const lead = `${name}: `;
    return findPrivate(lead + value)
      .filter(({ start }) => start >= lead.length)
      .map((span) => ({ ...span, start: span.start - lead.length, end: span.end - lead.length }));
  }

  function numberOf(digits: string, name: string | null): string | null {
    if (!/^\d{9,19}$/.test(digits)) return null;
    const span = spansOf(digits, name).find(({ start, end }) => start === 0 && end === digits.length);
    if (span === undefined) return null;
    const number = surrogateOf(span.kind, digits).replace(/\D/g, "").replace(/^0+/, "");
    return number === "" ? null : number;
  }

  function leafOf({ text, isNumber, isName, name, isCut }: JsonLeaf, depth: number): string | null {
    if (isNumber) return isCut ? "0" : numberOf(text, name);
    if (isCut) return secretNamed(name ?? "") === null ? beginningOf(text, depth + 1) : "";
    const after = isName ? replaced(text, findPrivate(text)) : valueWithout(text, name, depth + 1);
    return after === text ? null : after;
  }

  function valueWithout(text: string, name: string | null, depth: number): string {
    if (EMBEDDED.test(text)) return text;
    if (depth <= MAX_DEPTH && isJsonText(text)) return mapJsonLeaves(text, (leaf) => leafOf(leaf, depth));
    return replaced(text, spansOf(text, name));
  }

  function beginningOf(text: string, depth: number): string {
    if (depth <= MAX_DEPTH && looksLikeJson(text)) {
      try {
        return mapJsonLeaves(text, (leaf) => leafOf(leaf, depth));
      } catch {
        // Something in brackets that is no JSON.
      }
    }
    const { text: decided, spans } = privateStream().push(text);
    return replaced(decided, spans);
  }

  /** A message, or a part of one. Arguments and contents are texts; `url` and `data` may be media. */
  function partOf(part: unknown, name: string | null): unknown {
    if (typeof part === "string") return valueWithout(part, name, 0);
    if (Array.isArray(part)) return part.map((each) => partOf(each, name));
    if (!isRecord(part)) return part;
    const isMedia = "data" in part && "format" in part;
    const isCalled = "arguments" in part || "input" in part;
    return Object.fromEntries(
      Object.entries(part).map(([field, value]) =>
        field === "input" && isRecord(value)
          ? [field, JSON.parse(valueWithout(JSON.stringify(value), null, 0))]
          : STRUCTURE.has(field) || (isMedia && field === "data") || (isCalled && field === "name")
            ? [field, value]
            : [field, partOf(value, field)],
      ),
    );
  }

  return {
    text: (text) => valueWithout(text, null, 0),
    beginning: (text) => beginningOf(text, 0),
    conversation: <Message extends ChatMessage>(messages: readonly Message[]) =>
      messages.map((message) => partOf(message, null) as Message),
  };
}
