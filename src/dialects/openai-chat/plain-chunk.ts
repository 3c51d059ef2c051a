import type { Chunk } from "./chunk.ts";

/** A JSON string without control characters (RFC 8259 section 7). */
const JSON_STRING = /^"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"$/u;
const STRING_AT = /\s*:\s*("(?:[^"\\]|\\.)*")/y;

const TEXTS = new Set(["content", "reasoning_content", "reasoning", "refusal"]);

/**
 * The text of a chunk that carries one piece of text and nothing else, cut where its strings stand: the piece itself,
 * and OpenAI's `obfuscation`, which is another in every chunk.
 */
export type PlainShape = readonly string[];

/** Where the string that is the value of `name` stands, looked for from an index on. */
function stringOf(data: string, name: string, from: number): { start: number; end: number } | null {
  const key = data.indexOf(`"${name}"`, from);
  if (key < 0) return null;
  STRING_AT.lastIndex = key + name.length + 2;
  const match = STRING_AT.exec(data);
  const text = match?.[1];
  if (text === undefined) return null;
  return { start: STRING_AT.lastIndex - text.length, end: STRING_AT.lastIndex };
}

/** The one text of a chunk that says nothing else; null when there is more in it, or less. */
function onlyText({ choices: [choice, ...others], usage }: Chunk): { name: string; value: string } | null {
  if (choice === undefined || others.length > 0 || choice.finish_reason != null || usage != null) return null;
  const given = Object.entries(choice.delta ?? {}).filter(([, value]) => value != null);
  const [name, value] = given[0] ?? [];
  if (given.length !== 1 || name === undefined || !TEXTS.has(name) || typeof value !== "string") return null;
  // Log-probabilities differ with every chunk: no other is like this one.
  return choice.logprobs == null ? { name, value } : null;
}

/** The shape of a chunk's text; null where the chunk is not plain. */
export function plainShape(data: string, chunk: Chunk): PlainShape | null {
  const only = onlyText(chunk);
  if (only === null) return null;
  const text = stringOf(data, only.name, Math.max(0, data.indexOf('"delta"')));
  if (text === null || JSON.parse(data.slice(text.start, text.end)) !== only.value) return null;
  const head = data.slice(0, text.start);
  if (typeof chunk.obfuscation !== "string") return [head, data.slice(text.end)];
  const noise = stringOf(data, "obfuscation", text.end);
  return noise === null ? null : [head, data.slice(text.end, noise.start), data.slice(noise.end)];
}

/**
 * The strings of a chunk that is like the one of this shape in all else, as JSON; null when it is not. Such a chunk
 * changes no fact and breaks no invariant that the first did not break, so it costs no parsing.
 */
export function plainTexts(data: string, shape: PlainShape): string[] | null {
  const [head = "", ...pieces] = shape;
  const last = pieces.at(-1) ?? "";
  if (!data.startsWith(head) || !data.endsWith(last)) return null;
  const texts: string[] = [];
  let from = head.length;
  for (const [at, piece] of pieces.entries()) {
    const to = at === pieces.length - 1 ? data.length - piece.length : data.indexOf(piece, from);
    if (to < from) return null;
    const text = data.slice(from, to);
    if (!JSON_STRING.test(text)) return null;
    texts.push(text);
    from = to + piece.length;
  }
  return texts;
}

/** The chunk of another shape with these strings. */
export function plainChunk(shape: PlainShape, texts: readonly string[]): string {
  return shape.map((piece, at) => piece + (texts[at] ?? "")).join("");
}
