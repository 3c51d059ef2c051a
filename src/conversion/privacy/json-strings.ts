/** A string or a number of a JSON text, with the name of the field whose value it is. */
export interface JsonLeaf {
  /** The value of a string, the digits of a number. */
  text: string;
  isNumber: boolean;
  /** It is a field's name itself. */
  isName: boolean;
  /** The field's name, of an element its list's; null at the top. */
  name: string | null;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function endOfString(json: string, open: number): number {
  let at = open + 1;
  for (;;) {
    const quote = json.indexOf('"', at);
    if (quote < 0) return json.length;
    let slashes = 0;
    while (json.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

const NUMBER = /-?\d[\d.eE+-]*/y;
const COLON_NEXT = /\s*:/y;

/**
 * Replaces strings and numbers in a JSON text and leaves all other characters as they were: spaces, order, numbers that no
 * double can hold. `replace` returns the new value, or null where the old one stays. `json` must have passed `JSON.parse`.
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
      const end = endOfString(json, at);
      const text = JSON.parse(json.slice(at, end)) as string;
      COLON_NEXT.lastIndex = end;
      const isName = COLON_NEXT.test(json);
      const replaced = replace({ text, isNumber: false, isName, name: isName ? null : name });
      put(at, end, replaced === null ? null : JSON.stringify(replaced));
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
      put(at, at + text.length, replace({ text, isNumber: true, isName: false, name }));
      at += text.length;
    } else at++;
  }
  return out + json.slice(copied);
}
