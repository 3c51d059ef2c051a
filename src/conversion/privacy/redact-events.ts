import type { Surrogates } from "./surrogates.ts";
import { withoutTokens } from "./without-tokens.ts";

type Event = Record<string, unknown>;

/** A piece of what a stream says, and how it is put back. */
interface Piece {
  text: string;
  put: (text: string) => void;
}

const isRecord = (value: unknown): value is Event =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Fields that tell what a piece belongs to: the choice, the item, the part, the call. */
const PLACES = new Set(["index", "item_id", "output_index", "content_index", "summary_index"]);
/** Fields of a delta that hold pieces of text, in whatever dialect. */
const PIECES = new Set([
  "content",
  "text",
  "arguments",
  "partial_json",
  "thinking",
  "reasoning",
  "reasoning_content",
  "refusal",
  "transcript",
  "input",
  "delta",
]);

/** Every piece of text in an event, by what it belongs to: `choices` 0, `tool_calls` 1, `arguments`. */
function piecesOf(event: Event, onPiece: (channel: string, piece: Piece) => void): void {
  function walk(value: unknown, path: string, inDelta: boolean): void {
    if (Array.isArray(value)) {
      for (const each of value) walk(each, path, inDelta);
      return;
    }
    if (!isRecord(value)) return;
    const places = Object.entries(value).filter(
      ([field, each]) => PLACES.has(field) && typeof each !== "object",
    );
    const here = places.reduce((known, [field, each]) => `${known}/${field}=${each}`, path);
    for (const [field, each] of Object.entries(value)) {
      const isPiece =
        (inDelta && PIECES.has(field)) ||
        field === "delta" ||
        (path.endsWith("/choices") && field === "text");
      if (isPiece && typeof each === "string")
        onPiece(`${here}/${field}`, {
          text: each,
          put: (text) => {
            value[field] = text;
          },
        });
      else walk(each, `${here}/${field}`, inDelta || field === "delta");
    }
  }
  walk(event, typeof event.type === "string" ? event.type : "", false);
}

function parsed(line: string): Event | null {
  try {
    const json: unknown = JSON.parse(line);
    return isRecord(json) ? json : null;
  } catch {
    return null;
  }
}

const DATA = /^data: ?/;

/**
 * A stream of server-sent events in which surrogates stand for what is private, also where a value comes in several events.
 * What is said piece by piece stands in its first piece, and the others are empty: how it was cut would tell of it.
 */
export function redactEvents(text: string, { by, whole }: { by: Surrogates; whole: boolean }): string {
  const lines = text.split(/\r\n|\r|\n/);
  // The last line of what was cut is a part of one.
  if (!whole) lines.pop();
  const events = lines.map((line) => (DATA.test(line) ? parsed(line.replace(DATA, "")) : null));
  const treated = events.map((event) => (event === null ? null : (withoutTokens(event) as Event)));
  const channels = new Map<string, Piece[]>();
  for (const event of treated) {
    if (event === null) continue;
    piecesOf(event, (channel, piece) => {
      const pieces = channels.get(channel);
      if (pieces === undefined) channels.set(channel, [piece]);
      else pieces.push(piece);
    });
  }
  const said = new Map<string, string>();
  for (const [first, ...others] of channels.values()) {
    if (first === undefined) continue;
    const all = [first, ...others].map((piece) => piece.text).join("");
    // What is written now must not be read as one more text of an event: it goes in last.
    const mark = `\u0000${said.size}\u0000`;
    said.set(JSON.stringify(mark), JSON.stringify(whole ? by.text(all) : by.beginning(all)));
    first.put(mark);
    for (const other of others) other.put("");
  }
  return lines
    .map((line, at) => {
      const event = treated[at];
      if (event == null) return by.text(line);
      const json = by
        .text(JSON.stringify(event))
        .replace(/"\\u0000\d+\\u0000"/g, (mark) => said.get(mark) ?? '""');
      return `data: ${json}`;
    })
    .join("\n");
}
