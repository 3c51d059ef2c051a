/**
 * Average performance gap recovered (RouteLLM, arXiv:2406.18665): calls go to the large model in the order of their
 * score, highest first; of what the large model is better by, the part that is had, averaged over all shares of calls
 * from none to all. 0.5 is what a random order gives. Equal scores are taken in no order: a straight line over them.
 */
export function apgr(calls: readonly { score: number; gap: number }[]): number {
  const ordered = [...calls].sort((a, b) => b.score - a.score);
  const whole = ordered.reduce((sum, { gap }) => sum + gap, 0);
  let area = 0;
  let had = 0;
  for (let at = 0; at < ordered.length; ) {
    let end = at;
    let gain = 0;
    while (end < ordered.length && ordered[end]?.score === ordered[at]?.score) {
      gain += ordered[end]?.gap ?? 0;
      end += 1;
    }
    area += (end - at) * (had + gain / 2);
    had += gain;
    at = end;
  }
  return area / ordered.length / whole;
}
