/** How strongly weights are held to 0, as the inverse variance of their prior on standardised features. */
const RIDGE = 1;
const MOST_STEPS = 50;

/** The weights' sum over a row, without the bias, which stands first. */
export function logit(weights: readonly number[], row: readonly number[]): number {
  return row.reduce((sum, value, at) => sum + (weights[at + 1] ?? 0) * value, weights[0] ?? 0);
}

export const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/**
 * Logistic regression with a ridge, by Newton's method (iteratively reweighted least squares): for some tens of
 * features, exact, with no rate to choose. The bias comes first and is not held.
 */
export function fitLogistic(rows: readonly { features: readonly number[]; right: boolean }[]): number[] {
  const size = (rows[0]?.features.length ?? 0) + 1;
  let weights = new Array<number>(size).fill(0);
  for (let step = 0; step < MOST_STEPS; step++) {
    const gradient = weights.map((weight, at) => (at === 0 ? 0 : -RIDGE * weight));
    const curvature = weights.map((_, at) => {
      const row = new Array<number>(size).fill(0);
      // A trace of a hold on the bias too, so that labels that are all the same do not send it to infinity.
      row[at] = at === 0 ? 1e-3 : RIDGE;
      return row;
    });
    for (const { features, right } of rows) {
      const chance = logistic(logit(weights, features));
      const weight = chance * (1 - chance);
      for (let i = 0; i < size; i++) {
        const xi = i === 0 ? 1 : (features[i - 1] ?? 0);
        gradient[i] = (gradient[i] ?? 0) + ((right ? 1 : 0) - chance) * xi;
        const row = curvature[i] ?? [];
        for (let j = 0; j <= i; j++)
          row[j] = (row[j] ?? 0) + weight * xi * (j === 0 ? 1 : (features[j - 1] ?? 0));
      }
    }
    const move = solve(curvature, gradient);
    // Newton's step may leap where the curve is flat; a short one always goes uphill.
    const length = Math.max(...move.map(Math.abs));
    const part = length > 2 ? 2 / length : 1;
    weights = weights.map((weight, at) => weight + part * (move[at] ?? 0));
    if (length < 1e-8) break;
  }
  return weights;
}

/** Solves A·x = b for a positive definite A, given by its lower triangle (Cholesky). */
function solve(lower: readonly (readonly number[])[], b: readonly number[]): number[] {
  const root: number[][] = [];
  for (const [i, row] of lower.entries()) {
    const made: number[] = [];
    for (let j = 0; j <= i; j++) {
      let sum = row[j] ?? 0;
      const other = j === i ? made : (root[j] ?? []);
      for (let k = 0; k < j; k++) sum -= (made[k] ?? 0) * (other[k] ?? 0);
      made.push(j === i ? Math.sqrt(sum) : sum / (other[j] ?? 1));
    }
    root.push(made);
  }
  const x: number[] = [];
  for (const [i, row] of root.entries()) {
    let sum = b[i] ?? 0;
    for (let k = 0; k < i; k++) sum -= (row[k] ?? 0) * (x[k] ?? 0);
    x.push(sum / (row[i] ?? 1));
  }
  for (let i = x.length - 1; i >= 0; i--) {
    let sum = x[i] ?? 0;
    for (let k = i + 1; k < x.length; k++) sum -= (root[k]?.[i] ?? 0) * (x[k] ?? 0);
    x[i] = sum / (root[i]?.[i] ?? 1);
  }
  return x;
}
