import { escapeJson, type JsonType, toJsonValue } from "./argument-values.ts";
import { matchExactly, skipSpace, skipWhile, type TextInput, type Waiting } from "./text-input.ts";

interface Reading {
  input: TextInput;
  /** What texts stand in, beside the quotes of JSON. */
  quote: string;
  emit(json: string): void;
}

const WORD_TYPES: ReadonlySet<JsonType> = new Set(["number", "boolean", "null"]);
const CLOSING: Record<string, string> = { "[": "]", "(": ")", "{": "}" };
/** What ends a word: numbers and `True` are words. */
const BEHIND_WORDS = /[\s,:=()[\]{}<>]/;
const SAME_ESCAPES = /[\\/"bfnrtu]/;

/**
 * Reads a value as Python's literals and Gemma's calls write them: texts in quotes of their own, lists, objects whose
 * keys may stand bare, numbers and words. Gives it as JSON. False: the reply ended in it, or it is none.
 */
export function* readQuotedValue(reading: Reading): Waiting<boolean> {
  const { input, emit } = reading;
  input.take(yield* skipSpace(input, 0));
  const first = input.rest()[0];
  if (first === undefined) return false;
  const quote = yield* quoteAhead(reading);
  if (quote !== null) return yield* readText(reading, quote);
  if (first === "[" || first === "(" || first === "{") return yield* readMembers(reading, first);
  const word = yield* takeWord(input);
  if (word === "") return false;
  // The last word may go on in what did not come.
  emit(input.ended() && input.rest() === "" ? word : toJsonValue(word, WORD_TYPES));
  return !(input.ended() && input.rest() === "");
}

function* readMembers(reading: Reading, opening: string): Waiting<boolean> {
  const { input, emit } = reading;
  const closing = CLOSING[opening] ?? "";
  const isObject = opening === "{";
  input.take(1);
  emit(isObject ? "{" : "[");
  for (let count = 0; ; count++) {
    input.take(yield* skipSpace(input, 0));
    if (input.rest() === "") return false;
    if (input.rest()[0] === closing) break;
    if (count > 0) {
      if (input.rest()[0] !== ",") return false;
      input.take(1);
      input.take(yield* skipSpace(input, 0));
      // Python lets a comma stand at the end.
      if (input.rest()[0] === closing) break;
      emit(",");
    }
    if (isObject && !(yield* readMemberKey(reading))) return false;
    if (!(yield* readQuotedValue(reading))) return false;
  }
  input.take(1);
  emit(isObject ? "}" : "]");
  return true;
}

function* readMemberKey(reading: Reading): Waiting<boolean> {
  const { input, emit } = reading;
  const quote = yield* quoteAhead(reading);
  if (quote === null) {
    const word = yield* takeWord(input);
    if (word === "") return false;
    emit(JSON.stringify(word));
  } else if (!(yield* readText(reading, quote))) return false;
  input.take(yield* skipSpace(input, 0));
  if (input.rest()[0] !== ":") return false;
  input.take(1);
  emit(":");
  return true;
}

function* quoteAhead({ input, quote }: Reading): Waiting<string | null> {
  for (const candidate of [quote, '"', "'"]) {
    if (typeof (yield* matchExactly(input, candidate, 0)) === "number") return candidate;
  }
  return null;
}

function* takeWord(input: TextInput): Waiting<string> {
  return input.take(yield* skipWhile(input, (character) => !BEHIND_WORDS.test(character), 0));
}

/** A text in quotes. Quotes of one character can be escaped inside, longer ones do not come in texts. */
function* readText({ input, emit }: Reading, quote: string): Waiting<boolean> {
  input.take(quote.length);
  emit('"');
  const escapes = quote.length === 1;
  for (;;) {
    const plain = yield* skipWhile(
      input,
      (character) => character !== quote[0] && !(escapes && character === "\\"),
      0,
    );
    if (plain > 0) emit(escapeJson(input.take(plain)));
    if (input.rest() === "") return false;
    if (escapes && input.rest()[0] === "\\") {
      const escaped = yield* readEscape(input);
      if (escaped === null) return false;
      emit(escaped);
      continue;
    }
    const match = yield* matchExactly(input, quote, 0);
    if (match === "short") return false;
    if (match === "no") {
      emit(escapeJson(input.take(1)));
      continue;
    }
    input.take(match);
    emit('"');
    return true;
  }
}

/** An escape as JSON has it; null: the reply ended in it. */
function* readEscape(input: TextInput): Waiting<string | null> {
  while (input.rest().length < 2 && !input.ended()) yield;
  const [, kind] = input.rest();
  if (kind === undefined) return null;
  const digits = kind === "u" ? 4 : kind === "x" ? 2 : 0;
  while (input.rest().length < 2 + digits && !input.ended()) yield;
  const code = input.rest().slice(2, 2 + digits);
  if (digits > 0 && !new RegExp(`^[0-9A-Fa-f]{${digits}}$`).test(code)) {
    if (input.ended() && code.length < digits) return null;
    input.take(1);
    return "\\\\";
  }
  input.take(2 + digits);
  if (digits > 0) return `\\u${code.padStart(4, "0")}`;
  if (SAME_ESCAPES.test(kind)) return `\\${kind}`;
  if (kind === "'") return "'";
  return `\\\\${escapeJson(kind)}`;
}
