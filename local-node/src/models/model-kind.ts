import { type GgufSummary, readGgufFile } from "./gguf.ts";

/** What a model is for: to write, to make vectors of texts, or to rank texts, which no endpoint here asks for. */
export type ModelKind = "chat" | "embeddings" | "ranking";

/** `llama_pooling_type` of llama.cpp's `include/llama.h`. */
const POOLING = { none: 0, rank: 4 } as const;

/** Architectures that only read: they write nothing, whatever their files say of pooling. */
const ENCODERS = new Set([
  "bert",
  "modern-bert",
  "nomic-bert",
  "nomic-bert-moe",
  "neo-bert",
  "jina-bert-v2",
  "jina-bert-v3",
  "eurobert",
  "gemma-embedding",
]);

/** What a model is for, by its file: those that are meant for vectors say how tokens are pooled into one. */
export function modelKind({
  architecture,
  pooling,
}: Pick<GgufSummary, "architecture" | "pooling">): ModelKind {
  if (pooling === POOLING.rank) return "ranking";
  return ENCODERS.has(architecture) || (pooling ?? POOLING.none) !== POOLING.none ? "embeddings" : "chat";
}

/** `modelKind` of a file. @throws {ModelError} `not_a_model` */
export async function modelKindOf(path: string): Promise<ModelKind> {
  return modelKind(await readGgufFile(path));
}

/**
 * Models whose first numbers are a vector by themselves (Matryoshka representation learning, Kusupati et al. 2022), by
 * what their cards say. A file does not tell.
 */
const NESTED =
  /nomic.?embed.?text.?v(1\.5|2)|qwen3.?embedding|embedding.?gemma|jina.?embeddings.?v[345]|arctic.?embed.?(m.?v1\.5|[ml].?v2)|mxbai.?embed.?large/i;

/** Whether vectors of the model called `name` can be cut. */
export function hasNestedVectors(name: string | null): boolean {
  return name !== null && NESTED.test(name);
}
