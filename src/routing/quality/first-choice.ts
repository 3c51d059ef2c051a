import { type CostDecision, decideByCost, type ExpectedCost, type Standing } from "./expected-cost.ts";
import { promptFeatures } from "./prompt-features.ts";
import { qualityGap, type Rightness } from "./rightness.ts";
import { backedOffPrior, NO_OUTCOMES, shrunkenMean, type Tally } from "./tally.ts";

/** From so many labels of each model on, the features of a call say more than its task's mean. */
const LABELS_ENOUGH = 200;
/** What is believed of an SLM that has answered nothing yet: worth a try where it costs a tenth. */
const UNKNOWN = 0.3;

/** What is known of one project's models; a snapshot. */
export interface QualityBook {
  /** Accepted or escalated answers, by `acceptedKey`: of a task, of a tool set, of all calls of an SLM. */
  accepted: Pick<ReadonlyMap<string, Tally>, "get">;
  /** By model id. */
  rightness: ReadonlyMap<string, Rightness>;
  /** After how long an outcome counts for half, in milliseconds. */
  halfLifeMs: number;
}

/** Where a tally stands in the book. */
export function acceptedKey(slm: string, of: { task: string } | { tools: string } | "all"): string {
  if (of === "all") return `all\n${slm}`;
  return "task" in of ? `task\n${of.task}\n${slm}` : `tools\n${of.tools}\n${slm}`;
}

export interface FirstChoice extends CostDecision {
  /** What was believed: that the SLM's answer would be accepted, and how much better the reference's would be. */
  accepted: number;
  /** Null while there are too few labels to tell. */
  gap: number | null;
}

/** Who is asked first, SLM or reference, by what each is expected to cost: arithmetic on the book, no I/O. */
export function firstChoice(options: {
  call: { task: string; tools: string | null; text: string };
  slm: { id: string; cost: ExpectedCost };
  reference: { id: string; cost: ExpectedCost };
  book: QualityBook;
  /** See `decideByCost`. */
  secondUsd: number;
  wrongUsd: number;
  standing: Standing | null;
  inTurn: boolean;
  /** Milliseconds since the epoch. */
  at: number;
}): FirstChoice {
  const { call, slm, reference, book, secondUsd, wrongUsd, standing, inTurn, at } = options;
  const accepted = chanceAccepted({ call, slm: slm.id, book, at });
  const models = { slm: book.rightness.get(slm.id), reference: book.rightness.get(reference.id) };
  const gap = gapOf(models, call);
  const decision = decideByCost({
    accepted,
    slm: slm.cost,
    reference: reference.cost,
    secondUsd,
    gap: gap ?? 0,
    wrongUsd,
    standing,
    inTurn,
  });
  return { ...decision, accepted, gap };
}

function chanceAccepted(options: {
  call: { task: string; tools: string | null };
  slm: string;
  book: QualityBook;
  at: number;
}): number {
  const { call, slm, book, at } = options;
  const { halfLifeMs } = book;
  const tally = (of: Parameters<typeof acceptedKey>[1]): Tally =>
    book.accepted.get(acceptedKey(slm, of)) ?? NO_OUTCOMES;
  const prior = backedOffPrior({
    tools: call.tools === null ? NO_OUTCOMES : tally({ tools: call.tools }),
    all: tally("all"),
    unknown: UNKNOWN,
    at,
    halfLifeMs,
  });
  return shrunkenMean(tally({ task: call.task }), { prior, at, halfLifeMs });
}

function gapOf(
  { slm, reference }: { slm: Rightness | undefined; reference: Rightness | undefined },
  call: { task: string; tools: string | null; text: string },
): number | null {
  if (slm === undefined || reference === undefined) return null;
  if (Math.min(slm.labels, reference.labels) < LABELS_ENOUGH) return null;
  return qualityGap({ slm, reference }, promptFeatures(call));
}
