import { longestOpenSuffix } from "../stop-matcher.ts";

/** Text that comes in pieces, for readers that are generators: they yield where they need more of it. */
export interface TextInput {
  push(text: string): void;
  /** No more comes. */
  end(): void;
  ended(): boolean;
  /** What is there and was not taken. */
  rest(): string;
  /** Where `rest` begins in the whole text. */
  offset(): number;
  take(length: number): string;
}

/** What a reader yields while it waits. */
export type Waiting<T> = Generator<void, T>;

/** Where a match ends; `no`: it is something else; `short`: the text ended before that could be told. */
export type Match = number | "no" | "short";

export function createTextInput(): TextInput {
  let buffer = "";
  let offset = 0;
  let ended = false;
  return {
    push(text) {
      buffer += text;
    },
    end() {
      ended = true;
    },
    ended: () => ended,
    rest: () => buffer,
    offset: () => offset,
    take(length) {
      const taken = buffer.slice(0, length);
      buffer = buffer.slice(length);
      offset += taken.length;
      return taken;
    },
  };
}

const SPACE = /\s/;

/** The place of the first character at or behind `from` that is no white space. */
export function* skipSpace(input: TextInput, from: number): Waiting<number> {
  let at = from;
  for (;;) {
    const rest = input.rest();
    while (at < rest.length && SPACE.test(rest[at] ?? "")) at++;
    if (at < rest.length || input.ended()) return at;
    yield;
  }
}

/** Whether exactly this text stands at `from`. */
export function* matchExactly(input: TextInput, text: string, from: number): Waiting<Match> {
  for (;;) {
    const there = input.rest().slice(from, from + text.length);
    if (there === text) return from + text.length;
    if (!text.startsWith(there)) return "no";
    if (input.ended()) return "short";
    yield;
  }
}

/** Whether this text stands at `from`, with whatever white space between its characters and before them. */
export function* matchLoosely(input: TextInput, text: string, from: number): Waiting<Match> {
  let at = from;
  for (const character of text.replace(/\s+/g, "")) {
    at = yield* skipSpace(input, at);
    const match = yield* matchExactly(input, character, at);
    if (typeof match !== "number") return match;
    at = match;
  }
  return at;
}

/** The place behind the characters at `from` that `belongs` takes. */
export function* skipWhile(
  input: TextInput,
  belongs: (character: string) => boolean,
  from: number,
): Waiting<number> {
  let at = from;
  for (;;) {
    const rest = input.rest();
    while (at < rest.length && belongs(rest[at] ?? "")) at++;
    if (at < rest.length || input.ended()) return at;
    yield;
  }
}

/**
 * Passes text on as it comes, up to `stop`, which is left there with the white space before it. False: the text ended,
 * and all of it was passed on.
 */
export function* passUntil(
  input: TextInput,
  stop: string,
  pass: (text: string, at: number) => void,
): Waiting<boolean> {
  const passFirst = (length: number): void => {
    const at = input.offset();
    if (length > 0) pass(input.take(length), at);
  };
  for (;;) {
    const rest = input.rest();
    const found = rest.indexOf(stop);
    if (found !== -1) {
      passFirst(rest.slice(0, found).trimEnd().length);
      return true;
    }
    if (input.ended()) {
      passFirst(rest.length);
      return false;
    }
    passFirst(rest.slice(0, rest.length - longestOpenSuffix(rest, [stop])).trimEnd().length);
    yield;
  }
}
