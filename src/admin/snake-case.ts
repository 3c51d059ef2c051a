import { z } from "@hono/zod-openapi";

/** `totalMs` becomes `total_ms`: the API's fields are written as OpenAI writes its own. */
export function snakeName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function camelName(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Renames the fields of plain data at every depth. */
export function toSnakeCase(value: unknown): unknown {
  return renamed(value, snakeName);
}

export function toCamelCase(value: unknown): unknown {
  return renamed(value, camelName);
}

function renamed(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [rename(name), renamed(field, rename)]),
  );
}

/** What a schema, or the one that it wraps, is described as. */
function descriptionOf(schema: z.core.$ZodType): string | undefined {
  const own = z.globalRegistry.get(schema)?.description;
  const { innerType } = schema._zod.def as { innerType?: z.core.$ZodType };
  return own ?? (innerType === undefined ? undefined : descriptionOf(innerType));
}

/**
 * The same schema with its fields named in snake case, so that the API's description follows the code's own; with what is
 * said of each.
 */
export function snakeCased(schema: z.core.$ZodType): z.ZodType {
  const said = descriptionOf(schema);
  const named = withSnakeNames(schema);
  return said === undefined ? named : named.describe(said);
}

function withSnakeNames(schema: z.core.$ZodType): z.ZodType {
  if (schema instanceof z.ZodPrefault) return snakeCased(schema.unwrap()).prefault({});
  if (schema instanceof z.ZodDefault) {
    const { defaultValue } = schema.def;
    return snakeCased(schema.unwrap()).default(toSnakeCase(defaultValue));
  }
  if (schema instanceof z.ZodNullable) return snakeCased(schema.unwrap()).nullable();
  if (schema instanceof z.ZodOptional) return snakeCased(schema.unwrap()).optional();
  if (schema instanceof z.ZodArray) return z.array(snakeCased(schema.element));
  if (schema instanceof z.ZodObject) {
    const shape = Object.entries<z.core.$ZodType>(schema.shape);
    return z.strictObject(
      Object.fromEntries(shape.map(([name, field]) => [snakeName(name), snakeCased(field)])),
    );
  }
  if (schema instanceof z.ZodType) return schema;
  throw new TypeError("a schema of the full zod is needed");
}
