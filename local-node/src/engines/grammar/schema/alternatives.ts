import { LIMITS } from "../limits.ts";
import { UnsupportedSchema } from "../unsupported-schema.ts";
import { definitionOf } from "./read-schema.ts";
import type { Schema, SchemaDocument, SchemaObject } from "./schema.ts";

/** Schemas that all apply to one value, each by its own keywords alone: what they combine has been taken apart. */
export type Conjunction = readonly SchemaObject[];

/**
 * The ways in which a value can satisfy all of some schemas: `$ref` and `allOf` are followed, `anyOf`, `oneOf` and
 * `if` each choose. No ways: no value can. The value that was made is validated afterwards, so that a way may allow too
 * much: that exactly one of `oneOf` holds, and what `not` says, is left to that.
 */
export type Alternatives = (schemas: readonly Schema[]) => Conjunction[];

export function createAlternatives(document: SchemaDocument): Alternatives {
  const known = new Map<SchemaObject, Conjunction[]>();
  const expand = (schema: Schema): Conjunction[] => {
    if (schema === true) return [[]];
    if (schema === false || isAlwaysFalse(schema)) return [];
    const before = known.get(schema);
    if (before !== undefined) return before;
    const factors: Conjunction[][] = [
      ...(schema.$ref === undefined ? [] : [expand(definitionOf(document, schema.$ref))]),
      ...(schema.allOf ?? []).map(expand),
      ...(schema.anyOf === undefined ? [] : [schema.anyOf.flatMap(expand)]),
      ...(schema.oneOf === undefined ? [] : [schema.oneOf.flatMap(expand)]),
      ...conditional(schema),
    ];
    const ways = factors.reduce<Conjunction[]>(
      (all, factor) => product(all, factor, document.pathOf(schema)),
      // One that only combines others adds nothing of its own.
      [saysNothing(schema) ? [] : [schema]],
    );
    known.set(schema, ways);
    return ways;
  };
  const conditional = (schema: SchemaObject): Conjunction[][] => {
    if (schema.if === undefined || (schema.then === undefined && schema.else === undefined)) return [];
    const yes = product(expand(schema.if), expand(schema.then ?? true), document.pathOf(schema));
    return [[...yes, ...expand(schema.else ?? true)]];
  };
  return (schemas) =>
    schemas.map(expand).reduce<Conjunction[]>((ways, factor) => product(ways, factor, "#"), [[]]);
}

function product(a: readonly Conjunction[], b: readonly Conjunction[], path: string): Conjunction[] {
  if (a.length * b.length > LIMITS.alternatives) {
    throw new UnsupportedSchema({
      path,
      keyword: "",
      message: `At ${path} there are more than ${LIMITS.alternatives} ways to combine anyOf, oneOf and if; use fewer of them at one place.`,
    });
  }
  return a.flatMap((left) => b.map((right) => [...new Set([...left, ...right])]));
}

const FOLLOWED = new Set(["$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else"]);

function saysNothing(schema: SchemaObject): boolean {
  return Object.keys(schema).every((keyword) => FOLLOWED.has(keyword));
}

/** `{"not": {}}` is how generators write "nothing". */
function isAlwaysFalse({ not }: SchemaObject): boolean {
  return not === true || (typeof not === "object" && Object.keys(not).length === 0);
}
