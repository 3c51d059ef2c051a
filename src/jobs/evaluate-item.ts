import { askedOf } from "../calls/verifiable.ts";
import { agreementOn } from "../conversion/agreement.ts";
import type { AnsweredItem } from "../conversion/evaluation.ts";
import type { Example } from "../datasets/example.ts";
import type { Env } from "../env.ts";
import { verify } from "../routing/verify/verdict.ts";
import { askSlm } from "../work/ask-slm.ts";
import { evaluationRequest, saidOf } from "./evaluation-request.ts";

const without = (outcome: AnsweredItem["outcome"]): AnsweredItem => ({
  outcome,
  latencyMs: null,
  tokens: null,
});

/** Asks a node's model what an item's call asked, behind every other call there, and compares. `retry`: later it may answer. */
export async function evaluateItem(options: {
  env: Env;
  projectId: string;
  nodeId: string;
  model: string;
  example: Example;
  inContext: readonly Example[];
  now: () => number;
}): Promise<AnsweredItem | { retry: string }> {
  const { example, inContext, ...node } = options;
  const request = evaluationRequest(example, inContext);
  if (request === null) return without("unreadable");
  const reply = await askSlm({ ...node, request });
  if ("failed" in reply) return reply.retry ? { retry: reply.failed } : without("failed");
  const { answer, latencyMs, usage } = reply;
  const tokens = usage === null ? null : { input: usage.inputTokens, output: usage.outputTokens };
  const asked = askedOf(request);
  if (!verify(asked, answer).valid) return { outcome: "invalid", latencyMs, tokens };
  const reference = saidOf(example);
  const found = reference === null ? null : agreementOn(asked, { reference, candidate: answer });
  const outcome = found === null || found.same === null ? "unknown" : found.same ? "agrees" : "differs";
  return { outcome, latencyMs, tokens };
}
