import { trainingOnly } from "../routing/guarantee/split.ts";
import { chooseCandidate } from "../routing/quality/thompson.ts";
import type { Candidate, DrawRecord, Task } from "./task.ts";

/** How a candidate has done on training calls: answers that would have been right to give, and all others. */
export interface Tried {
  candidate: Candidate;
  good: number;
  bad: number;
}

/** What a candidate must have been tried on before another one's window opens. */
const LEAST_TRIALS = 5;

/** How each of a task's candidates has done, in their order. Training calls alone: what is chosen on others is not judged by them. */
export function triedOf(candidates: readonly Candidate[], draws: readonly DrawRecord[]): Tried[] {
  const training = trainingOnly(draws.filter(({ kind, outcome }) => kind === "shadow" && outcome !== null));
  return candidates.map((candidate) => {
    const own = training.flatMap(({ outcome }) =>
      outcome?.fingerprint === candidate.fingerprint ? [outcome] : [],
    );
    const good = own.filter(({ answer, label }) => answer.kind === "scored" && label === "fine").length;
    return { candidate, good, bad: own.length - good };
  });
}

const mean = ({ good, bad }: Tried): number => (good + 1) / (good + bad + 2);

/** The one that did best; of equals the first. Null for none. */
export function leading(tried: readonly Tried[]): Candidate | null {
  const best = tried.reduce<Tried | null>(
    (found, each) => (found === null || mean(each) > mean(found) ? each : found),
    null,
  );
  return best?.candidate ?? null;
}

/** Whether every candidate has had its chance. */
export const allTried = (tried: readonly Tried[]): boolean =>
  tried.length < 2 || tried.every(({ good, bad }) => good + bad >= LEAST_TRIALS);

/** Nothing of the task's evidence hangs on one model yet. */
export const mayChoose = ({ stage, window, certification }: Task): boolean =>
  stage.mode === "observe" || (stage.mode === "shadow" && window === null && certification === null);

/** Who is asked about the next drawn call: within a window its candidate, before it whoever may yet be the best. */
export function nextTried(options: {
  task: Task;
  draws: readonly DrawRecord[];
  random: () => number;
}): Candidate | null {
  const { task, draws, random } = options;
  const { candidates = [] } = task;
  if (!mayChoose(task) || candidates.length < 2) return task.candidate;
  const id = chooseCandidate({
    // Nothing is known of either end before the first call.
    candidates: triedOf(candidates, draws).map(({ candidate, good, bad }) => ({
      id: candidate.fingerprint,
      good: good + 1,
      bad: bad + 1,
    })),
    window: task.window,
    random,
  });
  return candidates.find(({ fingerprint }) => fingerprint === id) ?? task.candidate;
}
