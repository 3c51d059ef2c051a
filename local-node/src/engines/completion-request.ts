import { z } from "zod";
import { invalidRequest, unsupportedParameter } from "../serve/node-errors.ts";
import {
  dropNulls,
  readObject,
  refuseFields,
  streamShape,
  toInvalidRequest,
  toStreaming,
} from "./request-body.ts";
import { type Sampling, samplingShape, toSampling } from "./sampling.ts";

/** A text that is to be gone on with, in which control tokens count as such, or its token ids. */
export type CompletionPrompt = string | number[];

/** A request of the completions API of which every field is understood and will be honoured. */
export interface CompletionRequest extends Sampling {
  /** Each is answered `n` times. */
  prompts: CompletionPrompt[];
  /** Of the `n` answers of a prompt, so many are shown: those whose tokens were the likeliest on average. */
  shown: number;
  /** Text that comes after the answer; null: none. */
  suffix: string | null;
  stream: boolean;
  /** Whether the stream ends with a usage chunk. */
  includeUsage: boolean;
  /** Whether answers begin with their prompt. */
  echo: boolean;
  /** Log-probabilities to report, with so many of the likeliest tokens in each place; null: none. */
  topLogprobs: number | null;
  /** GBNF that each answer must match; null: none. */
  grammar: string | null;
}

/** OpenAI's default, a trap that clients of this API know. */
const DEFAULT_MAX_TOKENS = 16;
const MAX_PROMPTS = 2_048;
/** Over all prompts of a call. */
const MAX_ANSWERS = 2_048;
const MAX_TOP_LOGPROBS = 5;

const HARMLESS = new Set(["user"]);

const tokens = z.array(z.number().int().nonnegative()).min(1);
const prompt = z.union(
  [z.string(), tokens, z.array(z.string()).min(1).max(MAX_PROMPTS), z.array(tokens).min(1).max(MAX_PROMPTS)],
  `must be a text, texts, token ids, or lists of token ids; at most ${MAX_PROMPTS} prompts.`,
);

const requestSchema = z.object({
  model: z.string(),
  // As the API has it, no prompt is the beginning of a document.
  prompt: prompt.default(""),
  suffix: z.string().optional(),
  ...streamShape,
  max_tokens: z.number().int().positive().default(DEFAULT_MAX_TOKENS),
  echo: z.boolean().default(false),
  logprobs: z.number().int().min(0).max(MAX_TOP_LOGPROBS).optional(),
  grammar: z.string().min(1).optional(),
  ...samplingShape,
  best_of: samplingShape.n.unwrap().optional(),
});

/**
 * Reads the body of `POST /v1/completions` (OpenAI's API reference; `top_k`, `min_p` and `grammar` as extensions).
 * `null` counts as absent.
 * @throws {NodeError} 400 that names the field: `invalid_json`, `invalid_value` or, for what the embedded engine cannot
 * honour, `unsupported_parameter`
 */
export function parseCompletionRequest(body: Uint8Array): CompletionRequest {
  const raw = dropNulls(readObject(body));
  refuseFields(raw, { known: requestSchema.shape, harmless: HARMLESS });
  const parsed = requestSchema.safeParse(raw);
  if (!parsed.success) throw toInvalidRequest(parsed.error);
  const request = parsed.data;
  const { n: shown, best_of: answers = shown, echo } = request;
  if (answers < shown) {
    throw invalidRequest({ message: "'best_of' must be at least 'n'.", param: "best_of" });
  }
  if (answers > shown && request.stream) {
    throw unsupportedParameter("best_of", "the best are known at the end, so nothing can be streamed");
  }
  if (echo && request.logprobs !== undefined) {
    throw unsupportedParameter("echo", "log-probabilities of a prompt's own tokens are not computed");
  }
  const prompts = toPrompts(request.prompt);
  if (prompts.length * answers > MAX_ANSWERS) {
    throw invalidRequest({
      message: `${prompts.length} prompts with ${answers} answers each are more than ${MAX_ANSWERS} answers. Send several calls.`,
      param: "prompt",
    });
  }
  return {
    ...toSampling({ ...request, n: answers }, request.max_tokens),
    ...toStreaming(request),
    prompts,
    shown,
    suffix: request.suffix === undefined || request.suffix === "" ? null : request.suffix,
    echo,
    topLogprobs: request.logprobs ?? null,
    grammar: request.grammar ?? null,
  };
}

function toPrompts(prompt: z.infer<typeof requestSchema>["prompt"]): CompletionPrompt[] {
  if (typeof prompt === "string") return [prompt];
  const [first] = prompt;
  return typeof first === "number" ? [prompt as number[]] : (prompt as string[] | number[][]);
}
