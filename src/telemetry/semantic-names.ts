/**
 * Every attribute name that a span of ours carries, in one place.
 *
 * The GenAI conventions are in development and have no constants package, so that they are owned here:
 * `gen_ai.*` as read on 2026-11-24 in open-telemetry/semantic-conventions-genai (no tagged release; the
 * cache names are `cache_read` and `cache_write`, formerly `cache_creation`), HTTP and general names from
 * semantic conventions 1.45.0, `openinference.span.kind` from OpenInference. `gen_ai.usage.cost` (US dollars)
 * is not in the conventions; Langfuse, Cloudflare AI Gateway and Bifrost read or write it.
 * `gen_ai.latency.*` are the names that vLLM uses.
 */
export const NAMES = {
  spanKind: "openinference.span.kind",

  sessionId: "session.id",
  userId: "user.id",
  conversationId: "gen_ai.conversation.id",
  agentName: "gen_ai.agent.name",

  httpMethod: "http.request.method",
  httpRoute: "http.route",
  httpStatus: "http.response.status_code",
  serverAddress: "server.address",
  serverPort: "server.port",
  errorType: "error.type",

  operationName: "gen_ai.operation.name",
  providerName: "gen_ai.provider.name",
  requestModel: "gen_ai.request.model",
  requestStream: "gen_ai.request.stream",
  requestTemperature: "gen_ai.request.temperature",
  requestTopP: "gen_ai.request.top_p",
  requestMaxTokens: "gen_ai.request.max_tokens",
  requestSeed: "gen_ai.request.seed",
  responseId: "gen_ai.response.id",
  responseModel: "gen_ai.response.model",
  responseFinishReasons: "gen_ai.response.finish_reasons",
  /** Seconds. */
  responseTimeToFirstChunk: "gen_ai.response.time_to_first_chunk",
  /** Includes cached tokens. */
  usageInputTokens: "gen_ai.usage.input_tokens",
  usageOutputTokens: "gen_ai.usage.output_tokens",
  usageCacheReadTokens: "gen_ai.usage.cache_read.input_tokens",
  /** US dollars. */
  usageCost: "gen_ai.usage.cost",
  inputMessages: "gen_ai.input.messages",
  outputMessages: "gen_ai.output.messages",

  callId: "routelet.call.id",
  projectId: "routelet.project.id",
  requestedModel: "routelet.requested_model",
  outcome: "routelet.outcome",
  servedBy: "routelet.served_by",
  task: "routelet.task",
  reason: "routelet.reason",
  policyMode: "routelet.route.mode",
  plan: "routelet.route.plan",
  localOnly: "routelet.route.local_only",
  attemptSeq: "routelet.attempt.seq",
  attemptKind: "routelet.attempt.kind",
  backend: "routelet.attempt.backend",
  nodeId: "routelet.node.id",
  /** Bytes of the whole content, recorded when the attribute beside it was cut. */
  inputMessagesBytes: "routelet.content.input_bytes",
  outputMessagesBytes: "routelet.content.output_bytes",
} as const;

/** What the node may say in its spans; the rest is dropped, models, usage and content above all. */
export const NODE_ATTRIBUTE_PREFIXES = ["routelet.", "gen_ai.latency."] as const;
