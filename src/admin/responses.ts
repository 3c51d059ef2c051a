import { z } from "@hono/zod-openapi";

/** OpenAI's error object, which the operator's API uses too. */
export const errorSchema = z
  .object({
    error: z.object({
      message: z.string().openapi({ description: "What is wrong and what to do." }),
      type: z.string().openapi({ example: "invalid_request_error" }),
      param: z.string().nullable().openapi({ description: "The field that is wrong, as a path." }),
      code: z.string().openapi({ example: "invalid_field", description: "Stable; for programs." }),
    }),
  })
  .openapi("Error");

export function jsonResponse<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { content: { "application/json": { schema } }, description };
}

/** What every operator's endpoint may answer besides its own. */
export const commonErrors = {
  400: jsonResponse(errorSchema, "The request is wrong; `param` names the field."),
  401: jsonResponse(errorSchema, "The admin key is missing or wrong."),
  503: jsonResponse(errorSchema, "D1 or a Durable Object does not answer; try again after `Retry-After`."),
};

export const notFoundError = { 404: jsonResponse(errorSchema, "There is no such thing.") };

/** Times in the API are ISO 8601 in UTC with milliseconds; durations are numbers whose names end in `_ms`. */
export const timeSchema = z.iso.datetime().openapi({ example: "2026-11-24T06:00:00.000Z" });

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** Every endpoint here wants the admin key. */
export const adminOnly = { security: [{ adminKey: [] }] };

export const projectSchema = z.string().min(1).max(64).default("default").openapi({ example: "default" });
