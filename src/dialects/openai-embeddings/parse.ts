import { z } from "zod";
import { type Call, NO_NEEDS } from "../call.ts";
import { setTopLevelField } from "../json-splice.ts";
import { readJsonObject, readWith } from "../read-json.ts";
import { modelName } from "../request-limits.ts";
import { isTokens } from "../tokens.ts";
import { ENCODING_FORMATS } from "./vector.ts";

/** Inputs of one request (OpenAI API reference, "Create embeddings": any array has at most 2048 elements). */
export const MAX_INPUTS = 2_048;

const EMPTY = "it must not be empty";

const tokens = z.custom<number[]>(isTokens, "must be a list of token numbers");

/** `dimensions`, `user` and what is not named here are the backend's to judge. */
const embeddingsRequest = z.looseObject({
  model: modelName,
  input: z.union([
    z.string(),
    z.array(z.string()).min(1, EMPTY).max(MAX_INPUTS),
    tokens,
    z.array(tokens).min(1, EMPTY).max(MAX_INPUTS),
  ]),
  dimensions: z.number().int().min(1).nullish(),
  encoding_format: z.enum(ENCODING_FORMATS).nullish(),
  user: z.string().nullish(),
  stream: z.literal(false, "cannot be honoured: embeddings are not streamed").nullish(),
});

function countInputs(input: z.infer<typeof embeddingsRequest>["input"]): number {
  return typeof input === "string" || typeof input[0] === "number" ? 1 : input.length;
}

/**
 * Reads a `POST /v1/embeddings` body.
 *
 * @throws RouteletError `invalid_json`, `json_too_deep` or `invalid_type` (with `param` naming the field).
 */
export function parseEmbeddingsCall(body: Uint8Array): Call {
  const { text, json } = readJsonObject(body, "`model` and `input`");
  const request = readWith(embeddingsRequest, json);
  return {
    dialect: "openai-embeddings",
    requestedModel: request.model,
    stream: false,
    wantsStreamUsage: false,
    needs: { ...NO_NEEDS, embeddings: true },
    text,
    vectors: { format: request.encoding_format ?? "float", count: countInputs(request.input) },
    passBody: (model) => (request.model === model ? text : setTopLevelField(text, "model", model)),
    request: null,
  };
}
