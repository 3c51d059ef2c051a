import type { Recurrence } from "./recurrence.ts";

/** At most so many units are remembered of a template; of more, those that the fewest of its skeletons have go. */
const MAX_UNITS = 192;

/** From so many skeletons on it is known which units are the template's own, and which were pasted. */
const SETTLED = 3;
/** A settled template's units are those that at least this share of its skeletons have. */
const OWN_SHARE = 1 / 3;

/** What several prompts have in common: their units, and how many of them have each. */
export interface Template {
  /** The key of its first call. */
  id: string;
  /** Only templates of one group (same tools, format and role) can be the same task. */
  group: string;
  task: string;
  units: Map<number, number>;
  skeletons: number;
  calls: number;
  /** Ticks of the miner. */
  since: number;
  seen: number;
}

/** Makes a template also that of another skeleton, or of another template's skeletons. */
export function absorb(template: Template, units: Iterable<[number, number]>, skeletons: number): void {
  template.skeletons += skeletons;
  for (const [unit, count] of units) template.units.set(unit, (template.units.get(unit) ?? 0) + count);
  if (template.units.size <= MAX_UNITS) return;
  const kept = [...template.units].sort((a, b) => b[1] - a[1]).slice(0, MAX_UNITS);
  template.units = new Map(kept);
}

/** Templates that share at least this much are one task. */
export const SAME_TASK = 0.5;

/** How much the larger of two templates counts: a little, so that a template within another one is not quite the same. */
const LARGER = 0.05;

/** The weight that two share, over that of the smaller one (the overlap coefficient): about 1 where it is part of the other. */
export function overlap(shared: number, one: number, other: number): number {
  const size = (1 - LARGER) * Math.min(one, other) + LARGER * Math.max(one, other);
  return size > 0 ? shared / size : 0;
}

/** A template's units with what each says, times the share of the template's skeletons that have it. */
export interface Profile {
  weights: Map<number, number>;
  total: number;
}

export function profileOf(template: Template, recurrence: Recurrence, flat = false): Profile {
  const weights = new Map<number, number>();
  let total = 0;
  for (const [unit, count] of template.units) {
    const share = count / template.skeletons;
    if (template.skeletons >= SETTLED && share < OWN_SHARE) continue;
    const weight = recurrence.weight(unit, flat) * share;
    weights.set(unit, weight);
    total += weight;
  }
  return { weights, total };
}
