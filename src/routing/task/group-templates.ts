import { APART, averageLinkage } from "./average-linkage.ts";
import type { Recurrence } from "./recurrence.ts";
import { absorb, overlap, type Profile, profileOf, SAME_TASK, type Template } from "./template.ts";

/** How much each two templates overlap, row after row. */
function similarities(profiles: readonly Profile[], templates: readonly Template[]): Float32Array {
  const count = profiles.length;
  const shared = new Float32Array(count * count);
  const having = new Map<number, number[]>();
  for (const [at, { weights }] of profiles.entries()) {
    for (const [unit, weight] of weights) {
      const others = having.get(unit);
      if (others === undefined) {
        having.set(unit, [at]);
        continue;
      }
      for (const other of others) {
        const template = templates[other];
        const share = (template?.units.get(unit) ?? 0) / (template?.skeletons ?? 1);
        const index = at * count + other;
        shared[index] = (shared[index] ?? 0) + weight * share;
      }
      others.push(at);
    }
  }
  for (let a = 0; a < count; a++) {
    for (let b = 0; b < a; b++) {
      const [one = 0, two = 0] = [profiles[a]?.total, profiles[b]?.total];
      const value = overlap(shared[a * count + b] ?? 0, one, two);
      shared[a * count + b] = value;
      shared[b * count + a] = value;
    }
  }
  return shared;
}

interface GroupingOptions {
  templates: readonly Template[];
  recurrence: Recurrence;
  fixed: ReadonlySet<string>;
}

/** One pass over templates as they are. */
function groupOnce({ templates, recurrence, fixed }: GroupingOptions, flat: boolean): number[] {
  const profiles = templates.map((template) => profileOf(template, recurrence, flat));
  const similarity = similarities(profiles, templates);
  const count = templates.length;
  for (const [a, { task }] of templates.entries()) {
    if (!fixed.has(task)) continue;
    for (const [b, other] of templates.entries()) {
      if (a === b || !fixed.has(other.task)) continue;
      similarity[a * count + b] = task === other.task ? 1 : APART;
    }
  }
  return averageLinkage({
    sizes: templates.map(({ skeletons }) => skeletons),
    similarity,
    threshold: SAME_TASK,
  });
}

/** One template out of several, under the name of a fixed task where one of them has it. */
function pooled(members: readonly Template[], fixed: ReadonlySet<string>): Template {
  const [first] = members;
  if (first === undefined || members.length === 1) return first as Template;
  const pool: Template = { ...first, units: new Map(first.units) };
  for (const other of members.slice(1)) {
    absorb(pool, other.units, other.skeletons);
    if (fixed.has(other.task)) pool.task = other.task;
  }
  return pool;
}

/** A prompt that has at least this much of what a task's prompts have is one of them, whatever else stands in it. */
export const CONTAINED = 0.8;

/** Of so many prompts it is known what is their own and what was pasted. */
const KNOWN = 3;

/**
 * Groups templates; then those that are left alone join the group that they are like: what its prompts have in common is
 * known by then, so that a prompt full of pasted lines is like the group where it was like none of its members.
 */
function group(options: GroupingOptions, flat: boolean): number[] {
  const { templates, recurrence, fixed } = options;
  const groups = groupOnce(options, flat);
  const members = Map.groupBy(templates.entries(), ([at]) => groups[at] ?? -1);
  const pools = [...members].map(([number, list]) => ({
    number,
    pool: pooled(
      list.map(([, template]) => template),
      fixed,
    ),
  }));
  const known = pools
    .filter(({ pool }) => pool.skeletons >= KNOWN)
    .map(({ number, pool }) => ({ number, profile: profileOf(pool, recurrence, flat) }));
  for (const { number, pool } of pools) {
    if (pool.skeletons > 1 || fixed.has(pool.task)) continue;
    let best = { number, value: CONTAINED };
    for (const other of known) {
      let shared = 0;
      for (const [unit, weight] of other.profile.weights) if (pool.units.has(unit)) shared += weight;
      const value = other.profile.total > 0 ? shared / other.profile.total : 0;
      if (value >= best.value) best = { number: other.number, value };
    }
    for (const [at] of members.get(number) ?? []) groups[at] = best.number;
  }
  return groups;
}

/** The share of templates that are alone in their group. */
function alone(groups: readonly number[]): number {
  const sizes = Map.groupBy(groups, (number) => number);
  return [...sizes.values()].filter(({ length }) => length === 1).length / groups.length;
}

/** Among so many prompts or more, a greater share of loners than this says that the grouping found nothing. */
const ENOUGH = 32;
const FOUND_NOTHING = 0.6;

/**
 * Which templates are one task: those that share most of what recurs in them. Templates of one fixed task stay
 * together, those of two fixed tasks apart. Returns the number of each template's task.
 *
 * What few prompts have tells tasks apart, and so it weighs more. But where one agent alone speaks, its template is what
 * all prompts have, and what few have is chance, a menu of the pages that it pastes: then nearly every prompt looks like
 * none other, and they are compared again with rarity left out.
 */
export function groupTemplates(options: GroupingOptions): number[] {
  const groups = group(options, false);
  if (groups.length < ENOUGH || alone(groups) < FOUND_NOTHING) return groups;
  const flat = group(options, true);
  return alone(flat) < alone(groups) / 2 ? flat : groups;
}
