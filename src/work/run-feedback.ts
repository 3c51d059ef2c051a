import { feedbackLabel, type Rating } from "../conversion/feedback-label.ts";
import { saidOfCorrection } from "../conversion/said-of-correction.ts";
import type { Env } from "../env.ts";
import { type KeptFeedback, readFeedback } from "../ledger/feedback/feedback-store.ts";
import type { Settings } from "../settings.ts";
import { recordedCall } from "./recorded-call.ts";
import { openAnswer } from "./sealed-answer.ts";
import { compared } from "./settle-shadow.ts";
import type { DrawFeedback, DrawOutcome, DrawRecord } from "./task.ts";
import type { TaskStore } from "./task-store.ts";

/** A drawn call's label with what was last said of it; null where nothing was. */
export type Relabelled = { outcome: DrawOutcome; feedback: DrawFeedback } | null;

/** What was said last of the call itself, else of its run. */
function newest(all: readonly KeptFeedback[]): KeptFeedback | null {
  return all.find(({ target }) => "call" in target) ?? all[0] ?? null;
}

function ratingOf({ score, content, target }: KeptFeedback, threshold: number): Rating {
  return {
    right: score === null ? null : score >= threshold,
    corrected: content?.corrected === undefined ? null : saidOfCorrection(content.corrected),
    ofRun: "run" in target,
  };
}

/**
 * Holds a settled draw against what was said of its call. The label without feedback is kept beside it, so that what is
 * said last counts as if it had been said alone.
 * @throws what D1 or the ledger threw: nothing is then known, and it is to be tried again.
 */
export async function relabelled(options: {
  env: Env;
  projectId: string;
  draw: DrawRecord & { outcome: DrawOutcome };
  sealed: ReturnType<TaskStore["unseen"]>;
  settings: Settings;
}): Promise<Relabelled> {
  const { env, projectId, draw, sealed, settings } = options;
  const { callId, outcome, kind } = draw;
  const recorded = await recordedCall({ env, callId, projectId });
  const session = "why" in recorded ? null : recorded.row.session;
  const all = await readFeedback({ env, projectId, callId, session, withContent: true });
  const said = newest(all);
  if (said === null) return null;
  const rating = ratingOf(said, settings.conversion.feedbackThreshold);
  const given = "why" in recorded ? null : recorded.answer;
  const unseen = sealed === null ? null : await openAnswer({ env, projectId, callId, sealed });
  const matched = outcome.matched ?? { label: outcome.label, by: outcome.by };
  const bySlm = kind === "audit" && outcome.answer.kind === "scored";
  const label = feedbackLabel({
    rating,
    given: bySlm ? "candidate" : "reference",
    matched: matched.label,
    reference: bySlm ? unseen : given,
    candidate: bySlm ? given : unseen,
    agrees: (truth, answer) => {
      if ("why" in recorded) return null;
      const { label: found } = compared(recorded, truth, answer);
      return found === "missing" ? null : found === "fine";
    },
  });
  const feedback: DrawFeedback = {
    at: said.at,
    state: "counted",
    score: said.score,
    corrected: rating.corrected !== null,
    ofRun: rating.ofRun,
  };
  const { matched: _before, ...rest } = outcome;
  return {
    feedback,
    outcome:
      label === null ? { ...rest, ...matched } : { ...rest, label, by: "feedback", matched: { ...matched } },
  };
}
