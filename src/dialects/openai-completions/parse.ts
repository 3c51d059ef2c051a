import { z } from "zod";
import { type Call, type Needs, NO_NEEDS } from "../call.ts";
import { setTopLevelField } from "../json-splice.ts";
import { readJsonObject, readWith } from "../read-json.ts";
import { modelName } from "../request-limits.ts";
import { isTokens } from "../tokens.ts";

/** Prompts of one request; each gives `n` choices. */
export const MAX_PROMPTS = 2_048;

const EMPTY = "it must not be empty";

const tokens = z.custom<number[]>(isTokens, "must be a list of token numbers");

/** The fields that the gateway itself reads, by the types of OpenAI's API reference; the backend judges the rest. */
const completionsRequest = z.looseObject({
  model: modelName,
  prompt: z
    .union([
      z.string(),
      z.array(z.string()).min(1, EMPTY).max(MAX_PROMPTS),
      tokens,
      z.array(tokens).min(1, EMPTY).max(MAX_PROMPTS),
    ])
    .nullish(),
  suffix: z.string().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.number().int().min(0).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  n: z.number().int().min(1).max(128).nullish(),
  best_of: z.number().int().min(1).max(128).nullish(),
  echo: z.boolean().nullish(),
  logprobs: z.number().int().min(0).nullish(),
  logit_bias: z.record(z.string(), z.number()).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  seed: z.number().nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
});

type CompletionsRequest = z.infer<typeof completionsRequest>;

function needsOf(request: CompletionsRequest): Needs {
  return {
    ...NO_NEEDS,
    completions: true,
    suffix: (request.suffix ?? "") !== "",
    logprobs: request.logprobs != null,
    multipleChoices: (request.n ?? 1) > 1 || (request.best_of ?? 1) > 1,
    logitBias: Object.keys(request.logit_bias ?? {}).length > 0,
    penalties: (request.frequency_penalty ?? 0) !== 0 || (request.presence_penalty ?? 0) !== 0,
  };
}

/**
 * Reads a `POST /v1/completions` body.
 *
 * @throws RouteletError `invalid_json`, `json_too_deep` or `invalid_type` (with `param` naming the field).
 */
export function parseCompletionsCall(body: Uint8Array): Call {
  const { text, json } = readJsonObject(body, "`model` and `prompt`");
  const request = readWith(completionsRequest, json);
  const { stream_options } = request;
  const stream = request.stream === true;
  const wantsStreamUsage = stream_options?.include_usage === true;
  return {
    dialect: "openai-completions",
    requestedModel: request.model,
    stream,
    wantsStreamUsage,
    needs: needsOf(request),
    text,
    // The ledger needs the usage of every stream; `pass-stream.ts` drops the extra chunk again.
    passBody(model) {
      const named = request.model === model ? text : setTopLevelField(text, "model", model);
      return stream && !wantsStreamUsage
        ? setTopLevelField(named, "stream_options", { ...stream_options, include_usage: true })
        : named;
    },
    request: null,
  };
}
