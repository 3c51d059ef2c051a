/** A function that never falls: straight between these points, level beyond them. Plain data. */
export interface Isotonic {
  at: readonly number[];
  levels: readonly number[];
}

/**
 * The never-falling function of `x` that is nearest to `y` in squares: pool adjacent violators (M. Ayer et al. 1955).
 * As a calibration (B. Zadrozny and C. Elkan 2002) it turns any score that orders answers well into the share of right
 * ones among those that scored so. Between the middles of the pooled stretches it runs straight (A. Oron and N. Flournoy
 * 2017), so that different scores stay different wherever the data tell them apart.
 */
export function fitIsotonic(points: readonly { x: number; y: number }[]): Isotonic {
  const stretches: { x: number; y: number; count: number }[] = [];
  for (const place of places(points)) {
    stretches.push(place);
    for (;;) {
      const last = stretches.at(-1);
      const before = stretches.at(-2);
      if (last === undefined || before === undefined) break;
      if (before.y / before.count < last.y / last.count) break;
      before.x += last.x;
      before.y += last.y;
      before.count += last.count;
      stretches.pop();
    }
  }
  return {
    at: stretches.map(({ x, count }) => x / count),
    levels: stretches.map(({ y, count }) => y / count),
  };
}

/** Sums of the points by place, in order: no function can tell equal scores apart. */
function places(points: readonly { x: number; y: number }[]): { x: number; y: number; count: number }[] {
  const sums: { x: number; y: number; count: number }[] = [];
  let place = Number.NaN;
  for (const { x, y } of [...points].sort((a, b) => a.x - b.x)) {
    const last = sums.at(-1);
    if (last !== undefined && x === place) {
      last.x += x;
      last.y += y;
      last.count += 1;
    } else sums.push({ x, y, count: 1 });
    place = x;
  }
  return sums;
}

/** The value at `x`; NaN where nothing was fitted. */
export function isotonicAt({ at, levels }: Isotonic, x: number): number {
  let low = 0;
  let high = at.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((at[middle] ?? 0) <= x) low = middle + 1;
    else high = middle;
  }
  const right = levels[low];
  const left = levels[low - 1];
  if (left === undefined || right === undefined) return left ?? right ?? Number.NaN;
  const [from = 0, to = 0] = [at[low - 1], at[low]];
  return left + ((right - left) * (x - from)) / (to - from);
}
