import { escapeJson, isText, type JsonType, toJsonValue, typesOfValue } from "./argument-values.ts";
import { readQuotedValue } from "./read-quoted-value.ts";
import type { PairSyntax, Part, ToolSyntax } from "./syntax.ts";
import {
  matchExactly,
  matchLoosely,
  passUntil,
  skipSpace,
  type TextInput,
  type Waiting,
} from "./text-input.ts";

/** What the readers of arguments are given: where from, and where the JSON of the arguments goes. */
export interface ArgumentsReading {
  input: TextInput;
  syntax: ToolSyntax;
  /** JSON Schema of all arguments. */
  parameters: Record<string, unknown>;
  emit(json: string): void;
}

const TEXT: ReadonlySet<JsonType> = new Set(["string"]);

/**
 * Reads the arguments of one call, whatever syntax they are in, and gives them as the text of one JSON object. False:
 * the reply ended in them, or they are not in the syntax.
 */
export function* readArguments(reading: ArgumentsReading): Waiting<boolean> {
  const { pairs } = reading.syntax;
  return pairs === null ? yield* passJson(reading) : yield* readPairs(reading, pairs);
}

/** Passes one JSON object on, as it is. */
function* passJson({ input, emit }: ArgumentsReading): Waiting<boolean> {
  input.take(yield* skipSpace(input, 0));
  if (input.rest()[0] !== "{") return false;
  let depth = 0;
  let inString = false;
  let escaped = false;
  for (;;) {
    const rest = input.rest();
    let length = 0;
    while (length < rest.length) {
      const character = rest[length++];
      if (escaped) escaped = false;
      else if (inString && character === "\\") escaped = true;
      else if (character === '"') inString = !inString;
      else if (!inString && (character === "{" || character === "[")) depth++;
      else if (!inString && (character === "}" || character === "]")) depth--;
      if (depth === 0) break;
    }
    if (length > 0) emit(input.take(length));
    if (depth === 0 || input.ended()) return depth === 0;
    yield;
  }
}

function* readPairs(reading: ArgumentsReading, pairs: PairSyntax): Waiting<boolean> {
  const { input, syntax, emit } = reading;
  emit("{");
  for (let count = 0; ; count++) {
    const closes = yield* matchLoosely(input, closingOf(syntax), 0);
    if (closes === "short") return false;
    if (typeof closes === "number") break;
    const begins = yield* matchLoosely(input, (count === 0 ? "" : pairs.separator) + pairs.before, 0);
    if (typeof begins !== "number") return false;
    input.take(yield* skipSpace(input, begins));
    const key = yield* readKey(input, pairs);
    if (key === null) return false;
    emit(`${count === 0 ? "" : ","}${JSON.stringify(key.name)}:`);
    const types = key.isText ? TEXT : typesOfValue(reading.parameters, key.name);
    const complete =
      pairs.quote === null
        ? yield* readBareValue(reading, pairs, types)
        : yield* readQuotedValue({ input, quote: pairs.quote, emit });
    if (!complete) return false;
    const after = yield* matchLoosely(input, pairs.after, 0);
    if (typeof after !== "number") return false;
    input.take(after);
  }
  emit("}");
  return true;
}

/** The text that ends a call's arguments: what closes the call, or all calls. */
function closingOf({ close, separator, end }: ToolSyntax): string {
  const [first] = close;
  return typeof first === "string" ? first : separator || end;
}

/** A name, and what stands between it and its value. */
function* readKey(
  input: TextInput,
  { between }: PairSyntax,
): Waiting<{ name: string; isText: boolean } | null> {
  const stop = between.text.trim();
  let name = "";
  const found = yield* passUntil(input, stop[0] ?? "", (text) => {
    name += text;
  });
  if (!found) return null;
  for (const [text, isText] of [
    [between.text, between.text !== between.other],
    [between.other, false],
  ] as const) {
    const match = yield* matchLoosely(input, text, 0);
    if (match === "short") return null;
    if (match === "no") continue;
    input.take(match);
    yield* takeSpace(input, text.slice(text.trimEnd().length));
    return { name: name.trim(), isText };
  }
  return null;
}

/** White space that belongs to the syntax; more of it is the value's. */
function* takeSpace(input: TextInput, space: string): Waiting<void> {
  for (const character of space) {
    const match = yield* matchExactly(input, character, 0);
    if (typeof match !== "number") return;
    input.take(match);
  }
}

/** A value without quotes, up to what comes behind it. False: the reply ended in it. */
function* readBareValue(
  { input, emit }: ArgumentsReading,
  { after }: PairSyntax,
  types: ReadonlySet<JsonType>,
): Waiting<boolean> {
  const asText = isText(types);
  const stop = after.trimStart();
  const space = after.slice(0, after.length - stop.length);
  let written = "";
  if (asText) emit('"');
  const found = yield* passUntil(input, stop, (text) => {
    if (asText) emit(escapeJson(text));
    else written += text;
  });
  // White space in front of the end is the value's, but for what belongs to the syntax.
  const spaceBefore = input.rest().slice(0, found ? input.rest().indexOf(stop) : 0);
  const ofValue = spaceBefore.endsWith(space)
    ? spaceBefore.slice(0, spaceBefore.length - space.length)
    : spaceBefore;
  if (asText) emit(escapeJson(ofValue) + (found ? '"' : ""));
  else emit(found ? toJsonValue(written + ofValue, types) : written);
  return found;
}

/** The parts behind a call's arguments. False: something else is there. */
export function* takeParts(input: TextInput, parts: readonly Part[]): Waiting<boolean> {
  for (const part of parts) {
    const match = typeof part === "string" ? yield* matchLoosely(input, part, 0) : yield* skipId(input);
    if (typeof match !== "number") return false;
    input.take(match);
  }
  return true;
}

function* skipId(input: TextInput): Waiting<number> {
  for (;;) {
    const length = /^\s*[A-Za-z0-9_-]*/.exec(input.rest())?.[0].length ?? 0;
    if (length < input.rest().length || input.ended()) return length;
    yield;
  }
}
