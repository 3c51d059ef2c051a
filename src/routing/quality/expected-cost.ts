/** What one call costs on one backend, as far as can be known before it is made. */
export interface ExpectedCost {
  /** USD: tokens by their prices, or the node's energy and depreciation. */
  usd: number;
  /** Until the answer is there, in milliseconds. */
  latencyMs: number;
}

/** Where the conversation stands: who answered its last turn. */
export interface Standing {
  served: "slm" | "llm";
  /** Prompt tokens that its reference has in its cache, and what a token costs uncached and cached, in USD. */
  cachedTokens: number;
  tokenUsd: number;
  cachedTokenUsd: number;
}

export interface CostDecision {
  slmFirst: boolean;
  /** The probability of acceptance from which the SLM goes first; above 1 it never does. */
  breakEven: number;
  why: "same turn" | "stays on the SLM" | "pays" | "does not pay";
}

/** What leaving the reference loses: its cached prompt must be paid in full again when the conversation comes back. */
export function cacheRegret(standing: Standing | null): number {
  if (standing === null || standing.served === "slm") return 0;
  return standing.cachedTokens * Math.max(0, standing.tokenUsd - standing.cachedTokenUsd);
}

/**
 * Whether the SLM goes first: if what it costs is less than what it saves,
 *
 *   c_S + λ·t_S + lost cache  <  P(accepted) · (c_L + λ·t_L − wrong)
 *
 * since an answer that is not accepted pays for both (cascade routing, J. Dekoninck et al., ICML 2025). With nothing
 * but money that is P(accepted) > c_S/c_L: 3 to 10 % for an SLM that is 10 to 30 times cheaper.
 *
 * One decision a turn: while tools answer, the backend stays. A conversation that is on the SLM stays there; one that is
 * on the reference leaves it only when that is worth the cache.
 */
export function decideByCost(options: {
  /** P(the SLM's answer is accepted). */
  accepted: number;
  slm: ExpectedCost;
  reference: ExpectedCost;
  /** λ: what a second of waiting is worth, in USD. */
  secondUsd: number;
  /** How much worse an accepted answer is on average (`qualityGap`, at least 0), and what a wrong one costs, in USD. */
  gap: number;
  wrongUsd: number;
  standing: Standing | null;
  /** The last message is a tool's result: the turn that was decided goes on. */
  inTurn: boolean;
}): CostDecision {
  const { accepted, slm, reference, secondUsd, gap, wrongUsd, standing, inTurn } = options;
  const waiting = (cost: ExpectedCost): number => cost.usd + (secondUsd * cost.latencyMs) / 1_000;
  const saved = waiting(reference) - wrongUsd * Math.max(0, gap);
  const spent = waiting(slm) + cacheRegret(standing);
  const breakEven = saved > 0 ? spent / saved : Number.POSITIVE_INFINITY;
  if (standing !== null && inTurn)
    return { slmFirst: standing.served === "slm", breakEven, why: "same turn" };
  if (standing?.served === "slm") return { slmFirst: true, breakEven, why: "stays on the SLM" };
  return accepted > breakEven
    ? { slmFirst: true, breakEven, why: "pays" }
    : { slmFirst: false, breakEven, why: "does not pay" };
}
