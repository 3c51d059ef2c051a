/** Where a top-level field's value stands in a JSON object's text: `[start, end)` in UTF-16 units. */
interface ValueSpan {
  start: number;
  end: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Index just after the string that opens at `open`. Long strings are skipped by native search. */
function endOfString(text: string, open: number): number {
  let from = open + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) return text.length;
    let slashes = 0;
    while (text.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    from = quote + 1;
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break;
    at++;
  }
  return at;
}

/** Index just after the value that starts at `from`. */
function endOfValue(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return endOfString(text, from);
  if (first !== "{" && first !== "[") {
    let at = from;
    while (at < text.length && !",}] \n\r\t".includes(text[at] ?? "")) at++;
    return at;
  }
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      continue;
    }
    if (code === 0x7b || code === 0x5b) depth++;
    if (code === 0x7d || code === 0x5d) {
      depth--;
      if (depth === 0) return at + 1;
    }
    at++;
  }
  return at;
}

/** A top-level field: where its quoted name begins, and where its value stands. */
interface FieldSpan extends ValueSpan {
  name: string;
  nameStart: number;
}

/** Every top-level field, in order; a repeated name gives several. */
function topLevel(text: string): FieldSpan[] {
  const fields: FieldSpan[] = [];
  let at = skipSpace(text, 0);
  if (text[at] !== "{") return fields;
  at++;
  for (;;) {
    at = skipSpace(text, at);
    if (text.charCodeAt(at) !== QUOTE) return fields;
    const nameStart = at;
    const nameEnd = endOfString(text, at);
    const name: unknown = JSON.parse(text.slice(at, nameEnd));
    at = skipSpace(text, nameEnd);
    at = skipSpace(text, at + 1);
    const end = endOfValue(text, at);
    fields.push({ name: String(name), nameStart, start: at, end });
    at = skipSpace(text, end);
    if (text[at] !== ",") return fields;
    at++;
  }
}

/** Every top-level field with this name, in order; a repeated name gives several spans. */
function findTopLevel(text: string, name: string): ValueSpan[] {
  return topLevel(text).filter((field) => field.name === name);
}

/** The top-level fields of a JSON object and the text of their values; of a repeated name the last, as `JSON.parse` has it. */
export function topLevelFields(text: string): Map<string, string> {
  return new Map(topLevel(text).map(({ name, start, end }) => [name, text.slice(start, end)]));
}

/**
 * Gives a top-level field another name, or takes it out (`to: null`), and leaves every other character as it was. Where
 * the object has a field of the new name already, that one stays and the old one goes: two of a name mean nothing.
 */
export function renameTopLevelField(text: string, from: string, to: string | null): string {
  const fields = topLevel(text);
  const gone = to === null || fields.some(({ name }) => name === to);
  const kept = fields
    .filter(({ name }) => !gone || name !== from)
    .map(({ name, nameStart, end }) =>
      name === from
        ? JSON.stringify(to) + text.slice(endOfString(text, nameStart), end)
        : text.slice(nameStart, end),
    );
  return fields.some(({ name }) => name === from) ? `{${kept.join(",")}}` : text;
}

/**
 * Sets a top-level field of a JSON object in its text and leaves every other character as it was, so that
 * what a caller sent reaches the backend untouched. `text` must already have passed `JSON.parse`.
 * A repeated name is replaced everywhere: parsers differ in which one they take, and the caller's name
 * must not survive in any of them. A missing field is put first.
 */
export function setTopLevelField(text: string, name: string, value: unknown): string {
  const json = JSON.stringify(value);
  const spans = findTopLevel(text, name);
  if (spans.length === 0) {
    const open = text.indexOf("{");
    const empty = text[skipSpace(text, open + 1)] === "}";
    return `${text.slice(0, open + 1)}${JSON.stringify(name)}:${json}${empty ? "" : ","}${text.slice(open + 1)}`;
  }
  let out = "";
  let from = 0;
  for (const span of spans) {
    out += text.slice(from, span.start) + json;
    from = span.end;
  }
  return out + text.slice(from);
}

/**
 * The beginning of a list at the top level, up to and with the first element that `last` accepts; null when there is no
 * such list or element, or when nothing follows it.
 */
export function listBeginning(text: string, name: string, last: (element: string) => boolean): string | null {
  const [span] = findTopLevel(text, name);
  if (span === undefined || text[span.start] !== "[") return null;
  let at = skipSpace(text, span.start + 1);
  while (at < span.end && text[at] !== "]") {
    const end = endOfValue(text, at);
    const next = skipSpace(text, end);
    if (last(text.slice(at, end))) return text[next] === "," ? text.slice(span.start, end) : null;
    if (text[next] !== ",") return null;
    at = skipSpace(text, next + 1);
  }
  return null;
}
