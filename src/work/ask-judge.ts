import { type JudgeWord, readJudgeWord } from "../conversion/judge.ts";
import { parseChatCall } from "../dialects/openai-chat/parse.ts";
import { type AskOptions, askCloud } from "./ask-cloud.ts";
import { askSlm } from "./ask-slm.ts";
import { nodeWith } from "./find-candidate.ts";

/** What a judge said, null for nonsense, and what asking it cost in US dollars; null for unknown. */
export type JudgeReply =
  | { word: JudgeWord | null; costUsd: number | null }
  | { failed: string; retry: boolean };

const DEADLINE_MS = 120_000;
/** One word, and what a reasoning model thinks before it. */
const MAX_TOKENS = 2_048;
const ON_NODES = "slm/";
const ENCODER = new TextEncoder();

/** Whether a judge is a model of the owner's nodes, which content never leaves for. */
export const isOnNodes = (judge: string): boolean => judge.startsWith(ON_NODES);

/** Whether a judge is the small model itself: nobody judges its own answers. */
export const isJudging = (judge: string, model: string): boolean => judge === `${ON_NODES}${model}`;

/** Asks the judge once. Never throws. A cloud judge is not told what `mayLeave` keeps on nodes. */
export async function askJudge(
  options: AskOptions & {
    judge: string;
    question: { system: string; user: string };
    keyId: string;
    mayLeave: boolean;
  },
): Promise<JudgeReply> {
  const { judge, question } = options;
  const body = {
    model: judge,
    messages: [
      { role: "system", content: question.system },
      { role: "user", content: question.user },
    ],
    max_completion_tokens: MAX_TOKENS,
  };
  const call = parseChatCall(ENCODER.encode(JSON.stringify(body)));
  const request = call.request?.() ?? null;
  if (request === null) return { failed: "no_internal_form", retry: false };
  if (isOnNodes(judge)) return askOnNode({ ...options, model: judge.slice(ON_NODES.length), request });
  const reply = await askCloud({ ...options, call, request, model: judge, deadlineMs: DEADLINE_MS });
  if ("failed" in reply) return reply;
  return { word: readJudgeWord(reply.answer.text), costUsd: reply.costUsd };
}

async function askOnNode(
  options: AskOptions & { model: string; request: Parameters<typeof askSlm>[0]["request"] },
): Promise<JudgeReply> {
  const nodeId = await nodeWith(options);
  if (nodeId === null) return { failed: "no_node", retry: true };
  const reply = await askSlm({ ...options, nodeId });
  if ("failed" in reply) return reply;
  const { usage } = reply;
  const perToken = options.settings.conversion.nodeUsdPerMillionTokens / 1_000_000;
  return {
    word: readJudgeWord(reply.answer.text),
    costUsd: usage === null ? null : (usage.inputTokens + usage.outputTokens) * perToken,
  };
}
