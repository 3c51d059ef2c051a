/** A string or a number of a JSON text, with the name of the field whose value it is. */
export interface JsonLeaf {
  /** The value of a string, the digits of a number. */
  text: string;
  isNumber: boolean;
  /** It is a field's name itself. */
  isName: boolean;
  /** The field's name, of an element its list's; null at the top. */
  name: string | null;
  /** The JSON ends within it. */
  isCut: boolean;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Index after the string that opens at `open`; -1 where it does not close. */
function endOfString(json: string, open: number): number {
  let at = open + 1;
  for (;;) {
    const quote = json.indexOf('"', at);
    if (quote < 0) return -1;
    let slashes = 0;
    while (json.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

const NUMBER = /-?\d[\d.eE+-]*/y;
const COLON_NEXT = /\s*:/y;
const BETWEEN = /[\s,:]+|true|false|null|[a-z]+$/y;
/** An escape of which a part is missing. */
const CUT_ESCAPE = /\\(?:u[0-9a-f]{0,3})?$/i;

function valueOfCut(literal: string): string {
  // Half of an escaped backslash is none: what is cut are the last characters, and only they can be half.
  const slashes = /\\+$/.exec(literal)?.[0].length ?? 0;
  const whole =
    slashes > 0 ? (slashes % 2 === 0 ? literal : literal.slice(0, -1)) : literal.replace(CUT_ESCAPE, "");
  return JSON.parse(`${whole}"`) as string;
}

/**
 * Replaces strings and numbers in a JSON text and leaves all other characters as they were: spaces, order, numbers that no
 * double can hold. `replace` returns the new value, or null where the old one stays. The text may be cut anywhere.
 *
 * @throws SyntaxError where the text is not JSON.
 */
export function mapJsonLeaves(json: string, replace: (leaf: JsonLeaf) => string | null): string {
  let out = "";
  let copied = 0;
  let at = 0;
  /** The name of the field that a value belongs to, for each object and list that is open. */
  const names: (string | null)[] = [];
  let name: string | null = null;

  const put = (start: number, end: number, text: string | null): void => {
    if (text === null) return;
    out += json.slice(copied, start) + text;
    copied = end;
  };

  while (at < json.length) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      const closed = endOfString(json, at);
      const isCut = closed < 0;
      const end = isCut ? json.length : closed;
      const text = isCut ? valueOfCut(json.slice(at)) : (JSON.parse(json.slice(at, end)) as string);
      COLON_NEXT.lastIndex = end;
      const isName = COLON_NEXT.test(json);
      const replaced = replace({ text, isNumber: false, isName, name: isName ? null : name, isCut });
      const literal = replaced === null ? null : JSON.stringify(replaced);
      put(at, end, isCut && literal !== null ? literal.slice(0, -1) : literal);
      if (isName) name = text;
      at = end;
    } else if (code === 0x7b || code === 0x5b) {
      names.push(name);
      at++;
    } else if (code === 0x7d || code === 0x5d) {
      name = names.pop() ?? null;
      at++;
    } else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      NUMBER.lastIndex = at;
      const text = NUMBER.exec(json)?.[0] ?? "-";
      const end = at + text.length;
      put(at, end, replace({ text, isNumber: true, isName: false, name, isCut: end === json.length }));
      at = end;
    } else {
      BETWEEN.lastIndex = at;
      const between = BETWEEN.exec(json)?.[0];
      if (between === undefined) throw new SyntaxError("The text is not JSON.");
      at += between.length;
    }
  }
  return out + json.slice(copied);
}
