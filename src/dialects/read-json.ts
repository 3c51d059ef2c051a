import type { z } from "zod";
import { RouteletError } from "../errors.ts";

/** Objects and arrays within each other; deeper ones are nobody's prompt and cost every parser after ours its stack. */
export const MAX_JSON_DEPTH = 128;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether a JSON text nests deeper than the limit. One pass, no recursion. */
function tooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = text.indexOf('"', at + 1);
      while (at > 0 && escaped(text, at)) at = text.indexOf('"', at + 1);
      if (at < 0) return false;
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > MAX_JSON_DEPTH) return true;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return false;
}

function escaped(text: string, quote: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}

function invalid(code: string, message: string, cause?: unknown): RouteletError {
  return new RouteletError({ kind: "invalid_request", code, message, cause });
}

/**
 * Reads a request's body as JSON: UTF-8 without exceptions (a byte order mark is dropped: RFC 8259 section 8.1), an object, at most `MAX_JSON_DEPTH` deep. Of a name that
 * is given twice the last value counts, as in `JSON.parse`.
 *
 * @throws RouteletError `invalid_json`, `json_too_deep`. `expects` names the fields that a caller is to send.
 */
export function readJsonObject(
  body: Uint8Array,
  expects: string,
): { text: string; json: Record<string, unknown> } {
  let text: string;
  let json: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body);
    if (tooDeep(text)) {
      throw invalid(
        "json_too_deep",
        `The request body nests deeper than ${MAX_JSON_DEPTH} levels. Send flatter JSON.`,
      );
    }
    json = JSON.parse(text);
  } catch (cause) {
    if (cause instanceof RouteletError) throw cause;
    throw invalid(
      "invalid_json",
      `The request body is not valid JSON in UTF-8. Send a JSON object with ${expects}.`,
      cause,
    );
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw invalid("invalid_type", `The request body must be a JSON object with ${expects}.`);
  return { text, json: json as Record<string, unknown> };
}

/** A field's path as callers write it: `messages[0].content`. */
export function fieldPath(segments: readonly PropertyKey[]): string {
  return segments.reduce<string>(
    (text, segment) =>
      typeof segment === "number"
        ? `${text}[${segment}]`
        : text === ""
          ? String(segment)
          : `${text}.${String(segment)}`,
    "",
  );
}

/** What a caller sends where it asks for nothing: an SDK writes such fields out. */
function saysNothing(value: unknown): boolean {
  if (value == null || value === false || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** Paths of an object's fields that are not known here and say something. */
export function unknownFields(
  value: Record<string, unknown>,
  known: ReadonlySet<string>,
  at: readonly PropertyKey[],
): string[] {
  return Object.keys(value)
    .filter((field) => !known.has(field) && !saysNothing(value[field]))
    .map((field) => fieldPath([...at, field]));
}

/** A schema's message as the rest of a sentence that begins with the field's name. */
function sentence(message: string): string {
  if (message.endsWith("received undefined")) return "is missing";
  return `is wrong: ${message.replace(/^Invalid input: /, "").replace(/^Invalid input$/, "not of a known kind")}`;
}

interface Found {
  /** The value has the form's type, and is too small or too large for it. */
  fits: boolean;
  path: PropertyKey[];
  message: string;
  expected: string | null;
}

/** What a failed check says. Of a field's possible forms the one that fits furthest says it: the caller meant that. */
function find(issue: z.core.$ZodIssue): Found {
  const variants = issue.code === "invalid_union" ? issue.errors.flatMap(([first]) => first ?? []) : [];
  const found = variants
    .map(find)
    .sort((a, b) => Number(b.fits) - Number(a.fits) || b.path.length - a.path.length);
  const [best] = found;
  if (best === undefined) {
    const expected = issue.code === "invalid_type" ? issue.expected : null;
    const fits = issue.code === "too_small" || issue.code === "too_big";
    return { fits, path: issue.path, message: issue.message, expected };
  }
  const equal = found.filter(({ path, expected }) => path.length === best.path.length && expected !== null);
  const forms = [...new Set(equal.map(({ expected }) => expected))];
  const message =
    forms.length > 1 && !best.fits && !best.message.endsWith("undefined")
      ? `expected ${forms.join(" or ")}`
      : best.message;
  return { fits: best.fits, path: [...issue.path, ...best.path], message, expected: null };
}

/** A field that is not as it must be; `what` goes on after its name. */
export function invalidField(path: readonly PropertyKey[], what: string): RouteletError {
  const param = fieldPath(path);
  return new RouteletError({
    kind: "invalid_request",
    code: "invalid_type",
    message: `${param === "" ? "The request body" : `\`${param}\``} ${what}.`,
    param: param === "" ? undefined : param,
  });
}

/**
 * Checks a request's JSON, or the part of it that stands `at` a path, against a dialect's schema.
 *
 * @throws RouteletError `invalid_type` with `param` naming the field.
 */
export function readWith<T>(schema: z.ZodType<T>, json: unknown, at: readonly PropertyKey[] = []): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const { path, message } = issue === undefined ? { path: [], message: "" } : find(issue);
  throw invalidField([...at, ...path], sentence(message));
}
