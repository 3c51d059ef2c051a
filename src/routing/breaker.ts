/** When a backend counts as broken. Times in milliseconds. */
export interface BreakerPolicy {
  /** Outcomes older than this count no more. */
  windowMs: number;
  /** Fewer outcomes than this in the window say nothing. */
  minRequests: number;
  /** The share of failures from which the breaker opens, in (0, 1]. */
  errorRate: number;
  /** How long an open breaker keeps calls away before some are let through as probes. */
  openMs: number;
  /** How many calls are let through then; all of them must go well for the breaker to close. */
  probes: number;
}

export type Phase = "closed" | "open" | "half-open";
/** `busy` (a 429) says that the backend lives: it is neither good nor bad. */
export type BackendOutcome = "ok" | "broken" | "busy";

/** One backend's breaker (M. Nygard, "Release It!", chapter 5): plain data, so that it can be reported and shared. */
export interface Breaker {
  phase: Phase;
  /** When the phase began. */
  since: number;
  /** Of a half-open breaker: calls that were let through, and those that went well. */
  probes: { sent: number; well: number };
  /** Outcomes of this half of the window and of the one before. */
  now: { from: number; ok: number; broken: number };
  before: { ok: number; broken: number };
}

export const CLOSED: Breaker = {
  phase: "closed",
  since: 0,
  probes: { sent: 0, well: 0 },
  now: { from: 0, ok: 0, broken: 0 },
  before: { ok: 0, broken: 0 },
};

/** What an outcome does in each phase; `count` decides by the window, `probe` by the probes that went well. */
export const TRANSITIONS: Record<Phase, Record<BackendOutcome, Phase | "count" | "probe">> = {
  closed: { ok: "count", broken: "count", busy: "closed" },
  // Answers to calls that were under way when it opened: the probes decide, not they.
  open: { ok: "open", broken: "open", busy: "open" },
  "half-open": { ok: "probe", broken: "open", busy: "probe" },
};

function enter(phase: Phase, at: number): Breaker {
  return { ...CLOSED, phase, since: at, now: { from: at, ok: 0, broken: 0 } };
}

function count(breaker: Breaker, outcome: "ok" | "broken", at: number, policy: BreakerPolicy): Breaker {
  const half = policy.windowMs / 2;
  const age = at - breaker.now.from;
  const before = age < half ? breaker.before : age < policy.windowMs ? breaker.now : { ok: 0, broken: 0 };
  const now = age < half ? { ...breaker.now } : { from: at, ok: 0, broken: 0 };
  now[outcome] += 1;
  const broken = now.broken + before.broken;
  const all = broken + now.ok + before.ok;
  if (all >= policy.minRequests && broken / all >= policy.errorRate) return enter("open", at);
  return { ...breaker, now, before: { ok: before.ok, broken: before.broken } };
}

/** The breaker after a call to its backend ended. */
export function afterOutcome(options: {
  breaker: Breaker;
  outcome: BackendOutcome;
  at: number;
  policy: BreakerPolicy;
}): Breaker {
  const { breaker, outcome, at, policy } = options;
  const next = TRANSITIONS[breaker.phase][outcome];
  if (next === "probe") {
    const { sent, well } = breaker.probes;
    return well + 1 < policy.probes ? { ...breaker, probes: { sent, well: well + 1 } } : enter("closed", at);
  }
  if (next === "count") return outcome === "busy" ? breaker : count(breaker, outcome, at, policy);
  return next === breaker.phase ? breaker : enter(next, at);
}

/**
 * Whether a call should be kept from the backend now. An open breaker whose time is over lets some calls through, the
 * probes; should these never end, the next ones go after as long again.
 */
export function askBreaker(options: { breaker: Breaker; at: number; policy: BreakerPolicy }): {
  open: boolean;
  breaker: Breaker;
} {
  const { breaker, at, policy } = options;
  if (breaker.phase === "closed") return { open: false, breaker };
  const { sent, well } = breaker.probes;
  if (breaker.phase === "half-open" && sent < policy.probes)
    return { open: false, breaker: { ...breaker, probes: { sent: sent + 1, well } } };
  if (at - breaker.since < policy.openMs) return { open: true, breaker };
  return { open: false, breaker: { ...enter("half-open", at), probes: { sent: 1, well: 0 } } };
}

/** What one isolate tells the others of a backend: that it was found broken, or well again, and when. */
export interface HealthReport {
  backend: string;
  phase: "open" | "closed";
  /** Milliseconds since the epoch. */
  since: number;
}

/** The breaker after another isolate's word on the same backend; the later word counts. */
export function afterReport(
  breaker: Breaker,
  { phase, since }: Pick<HealthReport, "phase" | "since">,
): Breaker {
  // Counting in a closed breaker is this isolate's own business: that others found the backend well says nothing new.
  return since <= breaker.since || (phase === "closed" && breaker.phase === "closed")
    ? breaker
    : enter(phase, since);
}
