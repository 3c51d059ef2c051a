import { isObject, type Json, parseJson } from "../dialects/json.ts";
import type { Asked } from "../routing/verify/answer.ts";

/** What a model answered, as far as two answers are compared. */
export interface Said {
  text: string;
  refusal: string | null;
  calls: readonly { name: string; arguments: string }[];
  finish: "complete" | "cut" | "filtered" | "refused" | null;
}

/** What decides whether two answers are the same; null where only a judge can tell. */
export type Agreement =
  | { same: boolean; by: "calls" | "json" | "text"; differs: readonly string[] }
  | { same: null; by: "prose" | "no_reference" };

/** A text up to this length is a label, a name, a number; of longer ones equal meaning has many wordings. Characters. */
const SHORT_TEXT = 64;

/** Differences named in a record; the first ones say enough. */
const MAX_NAMED = 8;

const plain = (text: string): string => text.normalize("NFC").trim().replace(/\s+/g, " ");

/** A label as a person reads it: `"Card lost."` says what `card lost` says. */
function label(text: string): string {
  return plain(text)
    .toLowerCase()
    .replace(/^["'`*_(\s]+|["'`*_).!,;:\s]+$/g, "");
}

/** Paths at which two JSON values differ; numbers by value, strings without their outer and double spaces. */
function differences(reference: unknown, candidate: unknown, path: string): string[] {
  if (typeof reference === "string" && typeof candidate === "string")
    return plain(reference) === plain(candidate) ? [] : [path];
  if (Array.isArray(reference) && Array.isArray(candidate)) {
    if (reference.length !== candidate.length) return [path];
    return reference.flatMap((item, at) => differences(item, candidate[at], `${path}[${at}]`));
  }
  if (isObject(reference) && isObject(candidate)) {
    const names = [...new Set([...Object.keys(reference), ...Object.keys(candidate)])].sort();
    return names.flatMap((name) => differences(reference[name], candidate[name], `${path}.${name}`));
  }
  return Object.is(reference, candidate) || (reference == null && candidate == null) ? [] : [path];
}

/** The arguments with what the tool takes where a caller says nothing: leaving a default out is no difference. */
function withDefaults(value: unknown, schema: Json | null): unknown {
  if (!isObject(value) || !isObject(schema?.properties)) return value;
  const filled: Json = { ...value };
  for (const [name, property] of Object.entries(schema.properties)) {
    if (!isObject(property)) continue;
    if (filled[name] === undefined && property.default !== undefined) filled[name] = property.default;
    else if (filled[name] !== undefined) filled[name] = withDefaults(filled[name], property);
  }
  return filled;
}

type Call = Said["calls"][number];

function callDifferences(
  reference: Call,
  candidate: Call,
  schemaOf: (name: string) => Json | null,
  path: string,
): string[] {
  if (reference.name !== candidate.name) return [`${path}.name`];
  const schema = schemaOf(reference.name);
  const [wanted, given] = [reference, candidate].map(({ arguments: written }) =>
    withDefaults(parseJson(written === "" ? "{}" : written), schema),
  );
  return differences(wanted, given, `${path}.arguments`);
}

/** Calls of one turn run side by side, so that their order says nothing: each is paired with the one that fits best. */
function compareCalls(
  reference: readonly Call[],
  candidate: readonly Call[],
  schemaOf: (name: string) => Json | null,
): string[] {
  if (reference.length !== candidate.length) return ["calls"];
  const left = [...candidate];
  return reference.flatMap((call, at) => {
    const options = left.map((other) => callDifferences(call, other, schemaOf, `calls[${at}]`));
    const best = options.reduce(
      (found, next, index) => (next.length < (options[found]?.length ?? 0) ? index : found),
      0,
    );
    left.splice(best, 1);
    return options[best] ?? [];
  });
}

function isLong(value: unknown): boolean {
  if (typeof value === "string") return value.length > SHORT_TEXT;
  if (Array.isArray(value)) return value.some(isLong);
  return isObject(value) && Object.values(value).some(isLong);
}

const decided = (by: "calls" | "json" | "text", differs: string[]): Agreement => ({
  same: differs.length === 0,
  by,
  differs: differs.slice(0, MAX_NAMED),
});

/**
 * Compares a small model's answer with the reference's: calls by name and arguments, JSON field by field, short text as
 * a label. Prose, and JSON that has prose in it and is not the same, is left to a judge; a reference that was cut,
 * filtered or empty says nothing. `schemaOf` gives a tool's parameters; `json`: the call asked for JSON.
 */
export function agreement(options: {
  reference: Said;
  candidate: Said;
  schemaOf: (name: string) => Json | null;
  json: boolean;
}): Agreement {
  const { reference, candidate, schemaOf, json } = options;
  const silent = reference.text.trim() === "" && reference.calls.length === 0 && reference.refusal === null;
  if (reference.finish === "cut" || reference.finish === "filtered" || silent)
    return { same: null, by: "no_reference" };
  if (reference.calls.length > 0 || candidate.calls.length > 0)
    return decided("calls", compareCalls(reference.calls, candidate.calls, schemaOf));
  if (json) {
    const wanted = parseJson(reference.text);
    if (wanted === undefined) return { same: null, by: "no_reference" };
    const differs = differences(wanted, parseJson(candidate.text), "text");
    return differs.length > 0 && isLong(wanted) ? { same: null, by: "prose" } : decided("json", differs);
  }
  if (plain(reference.text) === plain(candidate.text)) return decided("text", []);
  if (reference.refusal !== null || reference.text.trim().length > SHORT_TEXT)
    return { same: null, by: "prose" };
  return decided("text", label(reference.text) === label(candidate.text) ? [] : ["text"]);
}

/** The same for two answers to one call: its tools and the form that it asked for say how they are compared. */
export function agreementOn(
  { tools, format }: Pick<Asked, "tools" | "format">,
  answers: { reference: Said; candidate: Said },
): Agreement {
  const schemaOf = (name: string): Json | null =>
    tools.find((tool) => tool.name === name)?.parameters ?? null;
  return agreement({ ...answers, schemaOf, json: format !== null });
}
