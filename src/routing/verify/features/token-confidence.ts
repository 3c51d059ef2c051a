import type { AnswerToken } from "../answer.ts";

/** How sure a model was of its tokens; natural logarithms. */
export interface TokenConfidence {
  /** Mean over the tokens, which does not grow with their number. */
  mean: number;
  least: number;
  /** Least distance to the runner-up; null where the engine gave none. */
  margin: number | null;
}

/** A value in JSON after a colon, a comma or a bracket: a string's inside, a number, or a word. */
const VALUE = /[:,[]\s*(?:"((?:[^"\\]|\\.)*)"(?!\s*:)|(-?\d[\d.eE+-]*|true|false|null))/dgu;

/** Where the values of the JSON in a text stand, as `[start, end)` pairs. */
function valueSpans(text: string): [number, number][] {
  return [...text.matchAll(VALUE)].flatMap((match) => {
    const span = match.indices?.[1] ?? match.indices?.[2];
    return span === undefined ? [] : [span];
  });
}

/**
 * The confidence in what was decided. In JSON that is the tokens of values: braces, quotes and names are certain
 * whatever the values are (arXiv:2604.22985 finds probabilities on meaningful tokens as good as sampling). In prose all
 * tokens count. Null without tokens.
 */
export function tokenConfidence(
  tokens: readonly AnswerToken[] | null,
  kind: "json" | "prose",
): TokenConfidence | null {
  if (tokens === null || tokens.length === 0) return null;
  const spans = kind === "prose" ? [] : valueSpans(tokens.map(({ text }) => text).join(""));
  let at = 0;
  let span = 0;
  const valued = tokens.filter(({ text }) => {
    const [start, end] = [at, at + text.length];
    at = end;
    while (span < spans.length && (spans[span]?.[1] ?? 0) <= start) span++;
    const [from, to] = spans[span] ?? [Infinity, Infinity];
    return start < to && end > from;
  });
  const chosen = valued.length === 0 ? tokens : valued;
  const margins = chosen.flatMap(({ logprob, runnerUp }) => (runnerUp === null ? [] : logprob - runnerUp));
  return {
    mean: chosen.reduce((sum, { logprob }) => sum + logprob, 0) / chosen.length,
    least: chosen.reduce((least, { logprob }) => Math.min(least, logprob), 0),
    margin: margins.length === 0 ? null : margins.reduce((least, each) => Math.min(least, each), Infinity),
  };
}
