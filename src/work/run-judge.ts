import { messageTexts } from "../calls/verifiable.ts";
import type { Said } from "../conversion/agreement.ts";
import { type JudgeWord, judgement, judgeQuestion, ORDERS, type Order } from "../conversion/judge.ts";
import type { Message, ModelRequest } from "../dialects/model-request.ts";
import type { AskOptions } from "./ask-cloud.ts";
import { askJudge, isJudging, isOnNodes } from "./ask-judge.ts";
import { mayLeave } from "./may-leave.ts";
import { recordedCall } from "./recorded-call.ts";
import type { DrawOutcome, DrawRecord } from "./task.ts";

/** A pair that waits for its judge; `outcome` is all that is known of the draw without one. */
export interface JudgedPair {
  kind: DrawRecord["kind"];
  outcome: DrawOutcome;
  /** What was said so far. */
  words: Partial<Record<Order, JudgeWord | null>>;
  costUsd: number | null;
}

/** What came of a try: to be tried again from where it stands, or settled. */
export type Judged = { retryAt: number; pair: JudgedPair } | { outcome: DrawOutcome };

const MAX_TRIES = 5;

/** A judge reads words alone: what hangs on a picture or a sound is not for it. */
function isWords({ messages }: ModelRequest): boolean {
  return messages.every(({ content }) => content.every(({ type }) => type !== "image" && type !== "audio"));
}

const asJudged = (message: Message) => ({ role: message.role, text: messageTexts(message).join("\n") });

const plus = (cost: number | null, more: number | null): number | null =>
  cost === null || more === null ? null : cost + more;

function abstained(pair: JudgedPair, why: string): Judged {
  const { outcome, costUsd } = pair;
  const findings = [...outcome.findings, `judge ${why}`];
  return { outcome: { ...outcome, findings, judgeCostUsd: costUsd } };
}

/**
 * Asks the judge about a pair, in both orders. What it abstains from stays as it was without one: missing, and so a
 * loss. A word that was said is kept in `pair`, so that a try after a failure asks only for what is left.
 */
export async function runJudge(
  options: AskOptions & {
    callId: string;
    pair: JudgedPair;
    /** The answer that nobody was given: the small model's in the shadow, the reference's in an audit; null where it is gone. */
    unseen: Said | null;
    tries: number;
  },
): Promise<Judged> {
  const { env, projectId, callId, unseen, settings, now } = options;
  const { judge } = settings.conversion;
  let { pair } = options;
  if (judge === null) return abstained(pair, "off");
  if (isJudging(judge, pair.outcome.candidate)) return abstained(pair, "is_candidate");
  const recorded = await recordedCall({ env, callId, projectId });
  if ("why" in recorded) return abstained(pair, recorded.why);
  const { row, request, answer } = recorded;
  if (unseen === null || answer === null) return abstained(pair, "no_content");
  if (!isWords(request)) return abstained(pair, "no_words");
  const leaves = mayLeave(row);
  if (!leaves && !isOnNodes(judge)) return abstained(pair, "must_not_leave");
  const [reference, candidate] = pair.kind === "shadow" ? [answer, unseen] : [unseen, answer];
  for (const order of ORDERS) {
    if (pair.words[order] !== undefined) continue;
    const question = judgeQuestion({ request: request.messages.map(asJudged), reference, candidate, order });
    if (question === null) return abstained(pair, "too_long");
    const reply = await askJudge({ ...options, judge, question, keyId: row.keyId, mayLeave: leaves });
    if ("failed" in reply) {
      if (!reply.retry || options.tries >= MAX_TRIES) return abstained(pair, reply.failed);
      return { retryAt: now() + 1_000 * 4 ** options.tries, pair };
    }
    const { word } = reply;
    pair = {
      ...pair,
      words: { ...pair.words, [order]: word },
      costUsd: plus(pair.costUsd, reply.costUsd),
    };
    if (word === null || word === "UNSURE") return abstained(pair, word === null ? "nonsense" : "unsure");
  }
  const { words, costUsd, outcome } = pair;
  const label = judgement({
    "reference first": words["reference first"] ?? null,
    "candidate first": words["candidate first"] ?? null,
  });
  if (label === null) return abstained(pair, "orders_disagree");
  return { outcome: { ...outcome, label, by: "judge", judgeCostUsd: costUsd } };
}
