import type { WorseShare } from "./worse-share.ts";

/**
 * How far a task has come. `observe`: its calls are counted. `shadow`: calls that are drawn also go to a small model, unseen.
 * `canary`: a share of its calls is answered by the small model. `promoted`: all of them. `demoted`: taken back, until a
 * person or a new candidate begins again.
 */
export type Mode = "observe" | "shadow" | "canary" | "promoted" | "demoted";

/** A mode, and for `canary` the share of calls that the small model answers. */
export interface Stage {
  mode: Mode;
  share: number;
}

/** The stages of a canary, in order. */
export const CANARY_SHARES: readonly number[] = [0.05, 0.25, 1];

/** What is asked before a task moves on; a project's settings. */
export interface PromotionPolicy {
  /** `automatic`: evidence alone moves a task. `approval`: it waits for a person before its first call is answered by a small model. */
  promotion: "automatic" | "approval";
  /** Calls that a task must have had before a small model is tried on it. */
  minCalls: number;
  /** Settled draws of the test side before a small model answers. */
  minTests: number;
  /** By how much of the calls the small model may be less valid than the reference, or call tools where that calls none. */
  formMargin: number;
  /** Audited calls without an alarm before a canary's next share. */
  canaryAudits: number;
  /** The longest that a small model may take for 95 % of the calls; null for no limit. Milliseconds. */
  maxP95Ms: number | null;
}

/** All that is known of a task when it is asked whether it moves. */
export interface Standing {
  stage: Stage;
  /** People keep it as it is. */
  excluded: boolean;
  /** Its key is one whose answers people read as they arrive. */
  human: boolean;
  calls: number;
  /** The small model that would serve is there. */
  candidate: boolean;
  /** What would serve is no more what was certified. */
  changed: boolean;
  /** Its certificate says less than is asked now: its ε or its δ is larger. */
  weaker: boolean;
  /** A threshold was certified for what would serve now. */
  certified: boolean;
  /** Draws of the present attempt's test side, which no threshold was chosen or judged on, up to the first that is not settled. */
  tests: number;
  /** Of those: how often the hard checks refused its answer and not the reference's. */
  invalid: WorseShare;
  /** Of those with tools: how often it called one where the reference called none; null for a task without tools. */
  overCalling: WorseShare | null;
  p95Ms: number | null;
  approved: boolean;
  /** Audited calls since this stage began. */
  audits: number;
  alarmed: boolean;
}

/** Why a task stays where it is; in the order in which it is asked. */
export type Obstacle =
  | "excluded"
  | "human_facing"
  | "too_few_calls"
  | "no_candidate"
  | "not_certified"
  | "too_few_tests"
  | "less_valid"
  | "over_calls"
  | "too_slow"
  | "waits_for_approval"
  | "too_few_audits";

export type Move =
  | { to: Stage; because: "ready" | "drift" | "changed" | "policy_changed" | "excluded" }
  | { stays: Obstacle | "done" };

const OBSERVE: Stage = { mode: "observe", share: 0 };
const SHADOW: Stage = { mode: "shadow", share: 0 };
const DEMOTED: Stage = { mode: "demoted", share: 0 };

const serves = ({ mode }: Stage): boolean => mode === "canary" || mode === "promoted";

/** What takes a task back, whatever it would be ready for. */
function fallsBack(standing: Standing): Move | null {
  const { stage, excluded, human, changed, weaker, certified, alarmed, candidate } = standing;
  if ((excluded || human) && stage.mode !== "observe") return { to: OBSERVE, because: "excluded" };
  if (serves(stage) && alarmed) return { to: DEMOTED, because: "drift" };
  // A certificate is void where it waits as well as where it serves. A model that is only away for a while serves nothing, and loses nothing of what was certified.
  const isCertified = serves(stage) || (stage.mode === "shadow" && certified);
  if (isCertified && candidate && changed) return { to: SHADOW, because: "changed" };
  if (isCertified && weaker) return { to: SHADOW, because: "policy_changed" };
  return null;
}

function obstacle(standing: Standing, policy: PromotionPolicy): Obstacle | null {
  const { stage } = standing;
  if (standing.excluded) return "excluded";
  if (standing.human) return "human_facing";
  if (stage.mode === "observe") {
    if (standing.calls < policy.minCalls) return "too_few_calls";
    return standing.candidate ? null : "no_candidate";
  }
  if (stage.mode === "shadow") {
    if (!standing.certified) return "not_certified";
    if (standing.tests < policy.minTests) return "too_few_tests";
    const { maxP95Ms, formMargin } = policy;
    if (standing.invalid.bound > formMargin) return "less_valid";
    if (standing.overCalling !== null && standing.overCalling.bound > formMargin) return "over_calls";
    if (maxP95Ms !== null && (standing.p95Ms ?? Number.POSITIVE_INFINITY) > maxP95Ms) return "too_slow";
    return policy.promotion === "approval" && !standing.approved ? "waits_for_approval" : null;
  }
  return standing.audits < policy.canaryAudits ? "too_few_audits" : null;
}

function nextStage({ mode, share }: Stage): Stage | null {
  if (mode === "observe") return SHADOW;
  const [first = 1] = CANARY_SHARES;
  if (mode === "shadow") return { mode: "canary", share: first };
  if (mode !== "canary") return null;
  const next = CANARY_SHARES.find((each) => each > share);
  return next === undefined ? { mode: "promoted", share: 1 } : { mode: "canary", share: next };
}

/**
 * Where a task goes from where it stands: back at once where its evidence is gone, on by one stage where nothing is in
 * the way. A demoted task stays so until it is restarted by hand.
 */
export function nextMove(standing: Standing, policy: PromotionPolicy): Move {
  const back = fallsBack(standing);
  if (back !== null) return back;
  const to = nextStage(standing.stage);
  if (to === null) return { stays: "done" };
  const stays = obstacle(standing, policy);
  return stays === null ? { to, because: "ready" } : { stays };
}
