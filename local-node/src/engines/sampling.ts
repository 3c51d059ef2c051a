import { z } from "zod";
import { invalidRequest } from "../serve/node-errors.ts";

/** How an answer is drawn: the fields that all endpoints that generate share. */
export interface Sampling {
  /** Null: as many as the context holds. */
  maxTokens: number | null;
  temperature: number;
  topP: number;
  /** 0: off. */
  topK: number;
  /** 0: off. */
  minP: number;
  /** 32 bits; null: the engine draws one. */
  seed: number | null;
  stop: string[];
  frequencyPenalty: number;
  presencePenalty: number;
  /** Token ids and what is added to their logits; `null` forbids a token. */
  logitBias: [token: number, bias: number | null][];
  /** How many answers. */
  n: number;
}

/** What the API defaults to: OpenAI's reference says 1 for both. */
const DEFAULT_TEMPERATURE = 1;
const DEFAULT_TOP_P = 1;
/**
 * Where the caller names no truncation at all, llama.cpp's own default applies: a small model that samples
 * from its whole vocabulary at temperature 1 soon loses the thread. `top_p: 1` or `min_p: 0` turns it off.
 */
const DEFAULT_MIN_P = 0.05;
/** A node has few slots: more answers are more calls. */
const MAX_CHOICES = 16;
/** From here on the API means "never this token". */
const FORBIDDEN = -100;

const penalty = z.number().min(-2).max(2).default(0);

/** The fields of a request that `toSampling` reads; names and ranges are OpenAI's, `top_k` and `min_p` extensions. */
export const samplingShape = {
  temperature: z.number().min(0).max(2).default(DEFAULT_TEMPERATURE),
  top_p: z.number().gt(0).max(1).optional(),
  top_k: z.number().int().min(0).optional(),
  min_p: z.number().min(0).max(1).optional(),
  seed: z.number().int().optional(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(4)]).optional(),
  frequency_penalty: penalty,
  presence_penalty: penalty,
  logit_bias: z.record(z.string(), z.number().min(-100).max(100)).default({}),
  n: z.number().int().min(1).max(MAX_CHOICES).default(1),
};

const samplingSchema = z.object(samplingShape);

/** Throws a 400 that names the key of `logit_bias` that is no token id. */
export function toSampling(request: z.infer<typeof samplingSchema>, maxTokens: number | null): Sampling {
  const namesTruncation =
    request.top_p !== undefined || request.top_k !== undefined || request.min_p !== undefined;
  return {
    maxTokens,
    temperature: request.temperature,
    topP: request.top_p ?? DEFAULT_TOP_P,
    topK: request.top_k ?? 0,
    minP: request.min_p ?? (namesTruncation ? 0 : DEFAULT_MIN_P),
    seed: request.seed === undefined ? null : toSeed(request.seed),
    stop: typeof request.stop === "string" ? [request.stop] : (request.stop ?? []),
    frequencyPenalty: request.frequency_penalty,
    presencePenalty: request.presence_penalty,
    logitBias: Object.entries(request.logit_bias).map(toBias),
    n: request.n,
  };
}

/** Any integer as a seed of 32 bits; llama.cpp reads 0xFFFFFFFF as "draw one", so that one value moves. */
export function toSeed(value: number): number {
  const seed = Number(BigInt.asUintN(32, BigInt(value)));
  return seed === 0xffff_ffff ? 0xffff_fffe : seed;
}

function toBias([key, bias]: [string, number]): [number, number | null] {
  if (!/^\d{1,9}$/.test(key)) {
    throw invalidRequest({
      message: `'logit_bias' has the key '${key.slice(0, 32)}', which is no token id. Its keys are numbers of tokens.`,
      param: "logit_bias",
    });
  }
  return [Number(key), bias <= FORBIDDEN ? null : bias];
}
