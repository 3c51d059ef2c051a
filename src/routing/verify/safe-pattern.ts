/** More steps than this, of a backtracking matcher at its worst, are not spent on one text. */
const MAX_STEPS = 10_000_000;

const MAX_PATTERN_LENGTH = 1_000;

interface Group {
  /** Whether it holds something that can match in several ways. */
  ambiguous: boolean;
}

/** A repetition at `at`: how often at most, how often at least, and where the pattern goes on; null where none stands. */
function quantifierAt(pattern: string, at: number): { min: number; max: number; end: number } | null {
  const sign = pattern[at];
  const lazy = (end: number): number => (pattern[end] === "?" ? end + 1 : end);
  if (sign === "*") return { min: 0, max: Infinity, end: lazy(at + 1) };
  if (sign === "+") return { min: 1, max: Infinity, end: lazy(at + 1) };
  if (sign === "?") return { min: 0, max: 1, end: lazy(at + 1) };
  const braces = /^\{(\d+)(,?)(\d*)\}/.exec(pattern.slice(at, at + 24));
  if (braces === null) return null;
  const [all, from = "0", comma, to = ""] = braces;
  const min = Number(from);
  const max = comma === "" ? min : to === "" ? Infinity : Number(to);
  return { min, max, end: lazy(at + all.length) };
}

function endOfClass(pattern: string, open: number): number {
  for (let at = open + 1; at < pattern.length; at++) {
    if (pattern[at] === "\\") at++;
    else if (pattern[at] === "]") return at + 1;
  }
  return pattern.length;
}

/**
 * Upper bound of what a backtracking matcher does with a pattern on a text of this length: each repetition multiplies
 * by the ways in which it can end. Infinity where a repetition stands within a repetition, or a choice does, and for
 * references back, whose cost has no such bound.
 */
function worstSteps(pattern: string, length: number): number {
  const groups: Group[] = [];
  let steps = pattern.startsWith("^") && !pattern.includes("|") ? 1 : length + 1;
  let at = 0;
  while (at < pattern.length) {
    const sign = pattern[at];
    let closed: Group | undefined;
    if (sign === "\\") {
      if (/[1-9k]/.test(pattern[at + 1] ?? "")) return Infinity;
      const property = /^\\[pP]\{[^}]*\}|^\\u\{[^}]*\}/.exec(pattern.slice(at, at + 64));
      at += property?.[0].length ?? 2;
    } else if (sign === "[") at = endOfClass(pattern, at);
    else if (sign === "(") {
      groups.push({ ambiguous: false });
      at += /^\((\?(:|=|!|<=|<!|<\w+>))?/.exec(pattern.slice(at, at + 64))?.[0].length ?? 1;
      continue;
    } else if (sign === ")") {
      closed = groups.pop();
      at++;
    } else {
      if (sign === "|") for (const group of groups) group.ambiguous = true;
      at++;
    }
    const repeated = quantifierAt(pattern, at);
    if (repeated === null) continue;
    at = repeated.end;
    if (repeated.max > 1 && closed?.ambiguous === true) return Infinity;
    if (repeated.max === repeated.min) continue;
    for (const group of groups) group.ambiguous = true;
    steps *= Math.min(repeated.max, length) - Math.min(repeated.min, length) + 1;
  }
  return steps;
}

/**
 * Whether a caller's pattern may be run over texts of up to this length without holding up everybody else: JavaScript's
 * matcher backtracks and cannot be stopped. Patterns that this refuses are reported as not checked.
 */
export function safePattern(pattern: string, length: number): boolean {
  if (pattern.length > MAX_PATTERN_LENGTH || worstSteps(pattern, length) > MAX_STEPS) return false;
  try {
    new RegExp(pattern, "u");
    return true;
  } catch {
    return false;
  }
}
