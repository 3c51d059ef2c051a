import { readJsonObject, readWith } from "../dialects/read-json.ts";
import { RouteletError } from "../errors.ts";
import type { Example } from "./example.ts";
import { exampleOfLine, fineTuningLine } from "./fine-tuning-line.ts";

/** The largest file; an isolate holds it as it came, and encrypted. Bytes. */
export const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** The longest line: what an item may hold. Bytes. */
export const MAX_LINE_BYTES = 1_500_000;
/** Wrong lines that are named. */
const MAX_NAMED = 10;

const NEWLINE = 0x0a;
const BLANK = new Set([0x09, 0x0d, 0x20]);

/** An example, and where it stood. */
export interface ImportedLine {
  /** From 1. */
  line: number;
  nodesOnly: boolean;
  example: Example;
}

function* linesOf(file: Uint8Array): Generator<{ line: number; bytes: Uint8Array }> {
  let line = 1;
  for (let from = 0; from < file.length; line++) {
    const end = file.indexOf(NEWLINE, from);
    const bytes = file.subarray(from, end < 0 ? file.length : end);
    if (!bytes.every((byte) => BLANK.has(byte))) yield { line, bytes };
    from = end < 0 ? file.length : end + 1;
  }
}

/** What is wrong with a line, as the rest of a sentence. */
const PROBLEMS: Record<string, string> = {
  invalid_json: "is not valid JSON in UTF-8",
  json_too_deep: "nests too deep",
};

function problem(thrown: unknown): string {
  if (!(thrown instanceof RouteletError)) throw thrown;
  return PROBLEMS[thrown.code] ?? `is wrong: ${thrown.message}`;
}

function readLine(bytes: Uint8Array): Omit<ImportedLine, "line"> | { wrong: string } {
  if (bytes.length > MAX_LINE_BYTES)
    return { wrong: `is longer than ${MAX_LINE_BYTES} bytes, which is the most that an item holds` };
  try {
    const { json } = readJsonObject(bytes, "`messages`");
    const read = readWith(fineTuningLine, json);
    return { nodesOnly: read.routelet?.nodes_only === true, example: exampleOfLine(read) };
  } catch (thrown) {
    return { wrong: problem(thrown) };
  }
}

function refused(first: { line: number; wrong: string }, wrong: readonly number[]): RouteletError {
  const others = wrong.slice(1, MAX_NAMED);
  const more = wrong.length > MAX_NAMED ? ` and ${wrong.length - MAX_NAMED} more` : "";
  const also = others.length === 0 ? "" : ` Wrong too: lines ${others.join(", ")}${more}.`;
  return new RouteletError({
    kind: "invalid_request",
    code: "invalid_line",
    message: `Line ${first.line} ${first.wrong.replace(/\.$/, "")}.${also} Nothing was imported.`,
    param: `line ${first.line}`,
  });
}

/**
 * Reads a file of lines in the fine-tuning format, one by one; blank lines count, and say nothing. From the first wrong line
 * on nothing more is given, the others are only looked at: what was given counts when the generator has ended.
 * @throws RouteletError at the end: `invalid_line` that names the first wrong line and what is wrong with it; `empty_file`.
 */
export function* readJsonl(file: Uint8Array): Generator<ImportedLine> {
  let count = 0;
  const wrong: number[] = [];
  let first: { line: number; wrong: string } | null = null;
  for (const { line, bytes } of linesOf(file)) {
    count++;
    const read = readLine(bytes);
    if ("wrong" in read) {
      first ??= { line, ...read };
      wrong.push(line);
    } else if (first === null) yield { line, ...read };
  }
  if (first !== null) throw refused(first, wrong);
  if (count > 0) return;
  throw new RouteletError({
    kind: "invalid_request",
    code: "empty_file",
    message: "The file has no lines. Send one JSON object with `messages` on each line.",
  });
}
