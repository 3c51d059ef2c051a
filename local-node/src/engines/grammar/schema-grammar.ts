import { createGrammarRules, type SchemaOptions } from "./grammar-rules.ts";
import { readSchema } from "./schema/read-schema.ts";
import { createValidator, type Invalid } from "./validator.ts";

/** What it takes to get answers that satisfy a JSON Schema. */
export interface SchemaGrammar {
  /** For llama.cpp; its `root` matches exactly one JSON text. */
  gbnf: string;
  /** Says what the grammar cannot; an empty list: the value satisfies the schema. */
  validate(value: unknown): readonly Invalid[];
}

/** Compiles a JSON Schema (draft 2020-12, and what of older drafts is in use). Throws `UnsupportedSchema`. */
export function schemaGrammar(schema: unknown, options: SchemaOptions = {}): SchemaGrammar {
  const document = readSchema(schema, options);
  const rules = createGrammarRules();
  const gbnf = rules.toText(rules.addDocument(document));
  return { gbnf, validate: createValidator(document) };
}
