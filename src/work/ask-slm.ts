import { callNode } from "../backends/call-node.ts";
import { answerOf } from "../calls/verifiable.ts";
import type { ModelRequest } from "../dialects/model-request.ts";
import { openAiChatBackend } from "../dialects/openai-chat/backend.ts";
import type { Usage } from "../dialects/reply.ts";
import type { Env } from "../env.ts";
import { toRouteletError } from "../errors.ts";
import type { SlmAnswer } from "../routing/verify/answer.ts";
import type { Confidence } from "../tunnel/protocol/confidence.ts";
import { QUEUE_HEADERS } from "../tunnel/protocol/messages.ts";

/** What a small model said to a call that somebody else has answered. */
export type SlmReply =
  | { answer: SlmAnswer; confidence: Confidence | null; usage: Usage | null; latencyMs: number }
  /** It said nothing: the node was busy or gone, refused the request, or took too long. `retry`: later it may. */
  | { failed: string; retry: boolean };

/** A shadow call waits behind everything else on its node; beyond this it counts as a time-out. Milliseconds. */
const DEADLINE_MS = 120_000;
const ENCODER = new TextEncoder();

/** Marks work that nobody waits for: the node lets it go last. */
const AS_JOB = new Headers({ [QUEUE_HEADERS.priority]: "job" });
/** In the place of an API key: shadow calls are fair among themselves. */
const AS_KEY = "shadow";

/** Asks one model of one node, whole. Never throws. */
export async function askSlm(options: {
  env: Env;
  projectId: string;
  nodeId: string;
  model: string;
  request: ModelRequest;
  now: () => number;
}): Promise<SlmReply> {
  const { env, request, model, now } = options;
  if (openAiChatBackend.problems(request, { model }).length > 0)
    return { failed: "unsupported", retry: false };
  const body = openAiChatBackend.renderRequest(request, { model, stream: false });
  const startedAt = now();
  const signal = AbortSignal.timeout(DEADLINE_MS);
  try {
    const reply = await callNode({
      env,
      nodeId: options.nodeId,
      projectId: options.projectId,
      keyId: AS_KEY,
      dialect: "openai-chat",
      body: ENCODER.encode(body) as Uint8Array<ArrayBuffer>,
      clientHeaders: AS_JOB,
      traceHeaders: {},
      deadlineMs: DEADLINE_MS,
      signal,
    });
    const whole = await reply.whole();
    if (reply.status >= 400) return { failed: `status_${reply.status}`, retry: reply.status === 429 };
    const { choices, usage } = openAiChatBackend.readReply(whole, request);
    const [first] = choices;
    if (first === undefined) return { failed: "empty", retry: false };
    return {
      answer: answerOf(first),
      confidence: await reply.confidence,
      usage,
      latencyMs: now() - startedAt,
    };
  } catch (thrown) {
    const { code, retryable } = toRouteletError(thrown);
    return { failed: signal.aborted ? "timed_out" : code, retry: retryable && !signal.aborted };
  }
}
