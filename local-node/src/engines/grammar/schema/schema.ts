import type { Automaton } from "../strings/automaton.ts";

/** A JSON Schema of draft 2020-12 whose keywords have been checked and whose references lead into `definitions`. */
export type Schema = boolean | SchemaObject;

export type TypeName = "null" | "boolean" | "object" | "array" | "number" | "integer" | "string";

export interface SchemaObject {
  type?: TypeName[];
  enum?: unknown[];
  const?: unknown;
  /** `#/$defs/<name>` of the document. */
  $ref?: string;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  not?: Schema;
  if?: Schema;
  then?: Schema;
  else?: Schema;
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  additionalProperties?: Schema;
  propertyNames?: Schema;
  required?: string[];
  minProperties?: number;
  maxProperties?: number;
  dependentRequired?: Record<string, string[]>;
  dependentSchemas?: Record<string, Schema>;
  unevaluatedProperties?: Schema;
  prefixItems?: Schema[];
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  contains?: Schema;
  minContains?: number;
  maxContains?: number;
  unevaluatedItems?: Schema;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  /** One of `FORMAT_NAMES`. */
  format?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
}

export interface SchemaDocument {
  root: Schema;
  /** By the names that `$ref` uses. */
  definitions: ReadonlyMap<string, Schema>;
  strict: boolean;
  /** By their sources: those of `pattern` and of the names in `patternProperties`. */
  patterns: ReadonlyMap<string, Automaton>;
  /** Where a schema of the document stands in the caller's. */
  pathOf(schema: SchemaObject): string;
}
