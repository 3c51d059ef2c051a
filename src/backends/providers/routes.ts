/**
 * OpenAI's endpoints beside those that the gateway understands, by the segment after `/v1` (OpenAI API reference;
 * `rerank` is Cohere's and Jina's, which many compatible servers have). Their requests pass through as they are.
 */
export const ROUTE_FAMILIES = [
  "audio",
  "images",
  "videos",
  "moderations",
  "rerank",
  "files",
  "uploads",
  "batches",
  "fine_tuning",
  "vector_stores",
  "evals",
  "containers",
] as const;

/**
 * A conversation made shorter (`POST /v1/responses/compact`): the one endpoint under `/v1/responses` that passes. What it
 * gives is encrypted by its provider.
 */
export const COMPACTION = "responses";

export type RouteFamily = (typeof ROUTE_FAMILIES)[number] | typeof COMPACTION;

/** Those that keep things in the provider's account, where all who have its key see them. */
export const ACCOUNT_FAMILIES: ReadonlySet<RouteFamily> = new Set<RouteFamily>([
  "videos",
  "files",
  "uploads",
  "batches",
  "fine_tuning",
  "vector_stores",
  "evals",
  "containers",
]);
