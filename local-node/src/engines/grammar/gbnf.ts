/**
 * Bodies of rules in llama.cpp's grammar notation, GBNF (its `grammars/README.md`), as values that can be looked into:
 * which rules they use, and whether they can end at all.
 */
export type Gbnf =
  | { kind: "text"; text: string }
  | { kind: "ref"; name: string }
  | { kind: "seq"; parts: readonly Gbnf[] }
  | { kind: "choice"; options: readonly Gbnf[] }
  | { kind: "repeat"; item: Gbnf; min: number; max: number | null };

/** Matches the empty text. */
export const EMPTY: Gbnf = { kind: "seq", parts: [] };
/** Matches nothing at all. */
export const NEVER: Gbnf = { kind: "choice", options: [] };

export function isNever(body: Gbnf): boolean {
  return body.kind === "choice" && body.options.length === 0;
}

export function isEmpty(body: Gbnf): boolean {
  return body.kind === "seq" && body.parts.length === 0;
}

export function ref(name: string): Gbnf {
  return { kind: "ref", name };
}

/** Exactly this text. */
export function literal(text: string): Gbnf {
  if (text === "") return EMPTY;
  return { kind: "text", text: `"${Array.from(text, escapeCharacter).join("")}"` };
}

/** One character of these ranges of code points, both ends included. */
export function oneOf(ranges: readonly (readonly [number, number])[]): Gbnf {
  if (ranges.length === 0) return NEVER;
  const text = ranges.map(([low, high]) => {
    const [first, last] = [escapeInClass(low), escapeInClass(high)];
    if (low === high) return first;
    return high === low + 1 ? first + last : `${first}-${last}`;
  });
  return { kind: "text", text: `[${text.join("")}]` };
}

export function seq(...parts: readonly Gbnf[]): Gbnf {
  if (parts.some(isNever)) return NEVER;
  const flat = parts.flatMap((part) => (part.kind === "seq" ? part.parts : [part]));
  const [only] = flat;
  return flat.length === 1 && only !== undefined ? only : { kind: "seq", parts: flat };
}

export function choice(...options: readonly Gbnf[]): Gbnf {
  const flat = options.flatMap((option) => (option.kind === "choice" ? option.options : [option]));
  const distinct = [...new Map(flat.map((option) => [render(option), option])).values()];
  const [only] = distinct;
  return distinct.length === 1 && only !== undefined ? only : { kind: "choice", options: distinct };
}

/** `max` null: without end. */
export function repeat(item: Gbnf, min: number, max: number | null): Gbnf {
  if (max === 0 || isEmpty(item)) return EMPTY;
  if (isNever(item)) return min === 0 ? EMPTY : NEVER;
  if (min === 1 && max === 1) return item;
  return { kind: "repeat", item, min, max };
}

export function optional(item: Gbnf): Gbnf {
  return repeat(item, 0, 1);
}

/** The names of the rules that a body uses. */
export function refsOf(body: Gbnf): string[] {
  switch (body.kind) {
    case "text":
      return [];
    case "ref":
      return [body.name];
    case "seq":
      return body.parts.flatMap(refsOf);
    case "choice":
      return body.options.flatMap(refsOf);
    case "repeat":
      return refsOf(body.item);
  }
}

/** Rebuilds a body with other references, simplified. */
export function mapRefs(body: Gbnf, map: (name: string) => Gbnf): Gbnf {
  switch (body.kind) {
    case "text":
      return body;
    case "ref":
      return map(body.name);
    case "seq":
      return seq(...body.parts.map((part) => mapRefs(part, map)));
    case "choice":
      return choice(...body.options.map((option) => mapRefs(option, map)));
    case "repeat":
      return repeat(mapRefs(body.item, map), body.min, body.max);
  }
}

export function render(body: Gbnf): string {
  switch (body.kind) {
    case "text":
      return body.text;
    case "ref":
      return body.name;
    case "seq":
      return body.parts.length === 0 ? '""' : body.parts.map(renderPart).join(" ");
    case "choice":
      return body.options.map(render).join(" | ");
    case "repeat":
      return renderPart(body.item) + quantifier(body.min, body.max);
  }
}

function renderPart(body: Gbnf): string {
  const grouped = body.kind === "choice" || body.kind === "seq" || body.kind === "repeat";
  const bare = body.kind === "repeat" && (body.item.kind === "text" || body.item.kind === "ref");
  return grouped && !bare ? `(${render(body)})` : render(body);
}

function quantifier(min: number, max: number | null): string {
  if (max === null) return min === 0 ? "*" : min === 1 ? "+" : `{${min},}`;
  if (min === 0 && max === 1) return "?";
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === "\\") return `\\${character}`;
  const code = character.codePointAt(0) ?? 0;
  return code >= 0x20 && code < 0x7f ? character : escapeCode(code);
}

function escapeInClass(code: number): string {
  const character = String.fromCodePoint(code);
  return /[A-Za-z0-9]/.test(character) ? character : escapeCode(code);
}

function escapeCode(code: number): string {
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}
