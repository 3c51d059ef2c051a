import { z } from "zod";
import { dropNulls, readObject, refuseFields, toInvalidRequest } from "./request-body.ts";

/** A text, in which control tokens are text, or its token ids. */
export type EmbeddingInput = string | number[];

/** A request of the embeddings API of which every field is understood and will be honoured. */
export interface EmbeddingRequest {
  inputs: EmbeddingInput[];
  /** Numbers that each vector is to have; null: all that the model gives. */
  dimensions: number | null;
  /** Vectors as base64 of 32-bit floats, little-endian, rather than as lists of numbers. */
  base64: boolean;
}

const MAX_INPUTS = 2_048;
const HARMLESS = new Set(["user"]);

const text = z.string().min(1, "must not be empty.");
const tokens = z.array(z.number().int().nonnegative()).min(1);

const requestSchema = z.object({
  model: z.string(),
  input: z.union(
    [text, tokens, z.array(text).min(1).max(MAX_INPUTS), z.array(tokens).min(1).max(MAX_INPUTS)],
    `must be a text, texts, token ids, or lists of token ids, none of them empty; at most ${MAX_INPUTS} inputs.`,
  ),
  encoding_format: z.enum(["float", "base64"]).default("float"),
  dimensions: z.number().int().positive().optional(),
});

/**
 * Reads the body of `POST /v1/embeddings` (OpenAI's API reference). `null` counts as absent.
 * @throws {NodeError} 400 that names the field: `invalid_json`, `invalid_value` or `unsupported_parameter`
 */
export function parseEmbeddingRequest(body: Uint8Array): EmbeddingRequest {
  const raw = dropNulls(readObject(body));
  refuseFields(raw, { known: requestSchema.shape, harmless: HARMLESS });
  const parsed = requestSchema.safeParse(raw);
  if (!parsed.success) throw toInvalidRequest(parsed.error);
  const { input, dimensions = null, encoding_format } = parsed.data;
  return { inputs: toInputs(input), dimensions, base64: encoding_format === "base64" };
}

function toInputs(input: z.infer<typeof requestSchema>["input"]): EmbeddingInput[] {
  if (typeof input === "string") return [input];
  return typeof input[0] === "number" ? [input as number[]] : (input as string[] | number[][]);
}
