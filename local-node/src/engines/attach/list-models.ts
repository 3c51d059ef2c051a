import { z } from "zod";

export interface ListedModel {
  id: string;
  contextTokens: number | null;
}

const contextSize = z.number().int().positive().optional().catch(undefined);

/** `GET /models`; the context size has another name with each engine (vLLM, LM Studio, llama.cpp). */
const listSchema = z.object({
  data: z.array(
    z.object({
      id: z.string().min(1).max(200),
      max_model_len: contextSize,
      max_context_length: contextSize,
      context_length: contextSize,
      meta: z.object({ n_ctx: contextSize }).nullish().catch(undefined),
    }),
  ),
});

/** Reads the answer of `GET /models`; null when it is not a list of models. */
export function parseModelList(body: unknown): ListedModel[] | null {
  const parsed = listSchema.safeParse(body);
  if (!parsed.success) return null;
  return parsed.data.data.map((model) => ({
    id: model.id,
    contextTokens:
      model.max_model_len ?? model.max_context_length ?? model.context_length ?? model.meta?.n_ctx ?? null,
  }));
}
