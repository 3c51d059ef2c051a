import { add, EMPTY, name } from "../../routing/task/hash.ts";
import { schemaHash } from "../../routing/task/schema-hash.ts";
import { toolsHash } from "../../routing/task/task-key.ts";
import type { Asked } from "../../routing/verify/answer.ts";
import type { Rule } from "./candidate.ts";

/** How many of a task's newest calls say what is current. */
export const NEWEST = 20;

/** Names what a call offers and asks for: its tools with their parameters, and the form of its answer; no descriptions. */
export function versionOf({ tools, format }: Asked): string {
  const offered = toolsHash(tools.map(({ name: tool, parameters }) => ({ name: tool, parameters })));
  const form = schemaHash(format === null ? null : (format.schema ?? true));
  return name([offered.high, offered.low, form.high, form.low].reduce(add, EMPTY));
}

/**
 * The version that a task has now, of those of its calls, the newest first: the newest one that more than one of the
 * newest calls has, so that somebody's single experiment does not void all others. Null without calls.
 */
export function currentVersion(newestFirst: readonly string[]): string | null {
  const newest = newestFirst.slice(0, NEWEST);
  const recurs = newest.find((version, at) => newest.indexOf(version, at + 1) > at);
  return recurs ?? newest[0] ?? null;
}

/** A call of an older version teaches arguments that the tools no longer take (0.86 clean, 0.59 under schema drift). */
export const currentSchema: Rule = ({ version, currentVersion: current }) =>
  version === current ? null : "other_schema";
