import { z } from "zod";
import type { TokenLogprob } from "../reply.ts";

const bytes = z
  .array(z.number())
  .nullish()
  .transform((value) => value ?? null);
const top = z.object({ token: z.string(), logprob: z.number(), bytes });
const logprobs = z.looseObject({
  content: z.array(
    z.object({
      token: z.string(),
      logprob: z.number(),
      bytes,
      top_logprobs: z
        .array(top)
        .nullish()
        .transform((value) => value ?? []),
    }),
  ),
});

/** Log-probabilities in OpenAI's shape; null when there are none. */
export function readLogprobs(value: unknown): TokenLogprob[] | null {
  if (value == null) return null;
  const parsed = logprobs.safeParse(value);
  return parsed.success && parsed.data.content.length > 0 ? parsed.data.content : null;
}
