import { type OutputUnit, Validator } from "@cfworker/json-schema";
import { isObject, type Json } from "../../dialects/json.ts";
import type { Checked, Finding, FindingCode } from "./answer.ts";
import { schemaCost } from "./schema-cost.ts";
import { type SchemaRole, usableSchema } from "./usable-schema.ts";

/** Looks at values by subschemas: some ten milliseconds of a thread at the very most. */
const MAX_COST = 1_000_000;
const MAX_LEVELS = 64;
const MAX_FINDINGS = 20;

const CODES: Record<string, FindingCode> = {
  required: "missing_argument",
  type: "wrong_type",
  enum: "not_in_enum",
  const: "not_in_enum",
};

/** Keywords that only say that something inside them is wrong. */
const CONTAINERS = new Set([
  "$ref",
  "allOf",
  "dependentSchemas",
  "else",
  "if",
  "items",
  "patternProperties",
  "prefixItems",
  "properties",
  "propertyNames",
  "then",
]);
/** Keywords that no further name fits; what stands after them says why. */
const NAMES = new Set(["additionalProperties", "unevaluatedProperties"]);
/** Keywords whose inner errors are of attempts that needed not fit. */
const CHOICES = new Set(["anyOf", "contains", "oneOf"]);

interface Shape {
  values: number;
  levels: number;
  longestText: number;
  longestList: number;
}

function measure(value: unknown): Shape {
  const shape: Shape = { values: 0, levels: 0, longestText: 0, longestList: 0 };
  let row: unknown[] = [value];
  while (row.length > 0 && shape.levels <= MAX_LEVELS) {
    shape.values += row.length;
    const next: unknown[] = [];
    for (const each of row) {
      if (typeof each === "string") shape.longestText = Math.max(shape.longestText, each.length);
      else if (Array.isArray(each)) {
        shape.longestList = Math.max(shape.longestList, each.length);
        for (const item of each) next.push(item);
      } else if (isObject(each)) {
        for (const [name, item] of Object.entries(each)) {
          shape.longestText = Math.max(shape.longestText, name.length);
          next.push(item);
        }
      }
    }
    if (next.length > 0) shape.levels++;
    row = next;
  }
  return shape;
}

/** `#/items/0/name` under `calls[0].arguments`: `calls[0].arguments.items[0].name`. */
function fieldPath(base: string, pointer: string): string {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce((path, step) => (/^\d+$/.test(step) ? `${path}[${step}]` : `${path}.${step}`), base);
}

/** The name that an error's sentence quotes first. */
const quoted = (error: string): string => /"(.*)"/s.exec(error)?.[1] ?? "";

/** The errors that stand inside the one at `at`, and where the next of its own level stands. */
function inside(errors: readonly OutputUnit[], at: number): { inner: OutputUnit[]; next: number } {
  const open = `${errors[at]?.keywordLocation}/`;
  let next = at + 1;
  while (errors[next]?.keywordLocation.startsWith(open)) next++;
  return { inner: errors.slice(at + 1, next), next };
}

/** Of the branches of a choice none of which fits, the errors of the one that was meant: whose type fits, else the first. */
function meantBranch(choice: OutputUnit, inner: readonly OutputUnit[]): OutputUnit[] {
  const branches = new Map<string, OutputUnit[]>();
  for (const error of inner) {
    const [branch = ""] = error.keywordLocation.slice(choice.keywordLocation.length + 1).split("/");
    branches.set(branch, [...(branches.get(branch) ?? []), error]);
  }
  const misfit = ({ keyword, instanceLocation }: OutputUnit): boolean =>
    instanceLocation === choice.instanceLocation && (keyword === "type" || keyword === "const");
  const all = [...branches.values()];
  return all.find((errors) => !errors.some(misfit)) ?? all[0] ?? [];
}

function collect(errors: readonly OutputUnit[], base: string, findings: Finding[]): void {
  for (let at = 0; at < errors.length; ) {
    const error = errors[at];
    if (error === undefined) return;
    const path = fieldPath(base, error.instanceLocation);
    const following = errors[at + 1];
    at++;
    if (CONTAINERS.has(error.keyword)) continue;
    if (CHOICES.has(error.keyword)) {
      const { inner, next } = inside(errors, at - 1);
      at = next;
      const before = findings.length;
      if (error.keyword !== "contains") collect(meantBranch(error, inner), base, findings);
      if (findings.length === before) findings.push({ code: "schema_violation", path });
    } else if (NAMES.has(error.keyword)) {
      if (following?.keyword !== "false") continue;
      findings.push({ code: "unknown_argument", path: fieldPath(base, following.instanceLocation) });
      at++;
    } else if (error.keyword === "required")
      findings.push({ code: "missing_argument", path: `${path}.${quoted(error.error)}` });
    else findings.push({ code: CODES[error.keyword] ?? "schema_violation", path });
  }
}

function findingsOf(errors: readonly OutputUnit[], base: string): Finding[] {
  const findings: Finding[] = [];
  collect(errors, base, findings);
  const seen = new Set<string>();
  return findings
    .filter(({ code, path }) => !seen.has(`${code} ${path}`) && seen.add(`${code} ${path}`))
    .slice(0, MAX_FINDINGS);
}

/**
 * Holds a value against a caller's JSON Schema (2020-12, and what older drafts and OpenAPI 3.0 write otherwise). Parts
 * of the schema that cannot be used are named, not guessed; a schema or value of a size at which validation would hold
 * up other calls, and one that goes round in circles, makes the value `unverifiable`.
 */
export function validateJson(
  schema: Json,
  value: unknown,
  { path, role }: { path: string; role: SchemaRole },
): Required<Checked> {
  const unverifiable = (unchecked: string[]): Required<Checked> => ({
    findings: [{ code: "unverifiable", path }],
    unchecked,
  });
  const shape = measure(value);
  if (shape.levels > MAX_LEVELS) return unverifiable([]);
  const usable = usableSchema(schema, { size: shape, role });
  if (usable === null) return unverifiable([path]);
  const unchecked = usable.unchecked.map((at) => `${path}#${at}`);
  if (typeof usable.schema === "boolean") return { findings: [], unchecked };
  if (schemaCost(usable.schema, shape.levels) * shape.values > MAX_COST) return unverifiable(unchecked);
  try {
    const { errors } = new Validator(usable.schema, "2020-12", false).validate(value);
    return { findings: findingsOf(errors, path), unchecked };
  } catch {
    // The validator throws at schemas that it cannot follow: what nobody checked is not released.
    return unverifiable(unchecked);
  }
}
