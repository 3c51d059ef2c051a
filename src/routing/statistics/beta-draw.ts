/** A standard normal draw (G. Box and M. Muller 1958). */
function normalDraw(random: () => number): number {
  // Never log(0): `random` may give 0, never 1.
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** A draw of Gamma(shape, 1), shape at least 1 (G. Marsaglia and W. Tsang 2000); takes 1.05 tries at most, on average. */
function gammaDraw(shape: number, random: () => number): number {
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normalDraw(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random()) < (x * x) / 2 + d * (1 - v + Math.log(v))) return d * v;
  }
}

/** A draw of Beta(a, b), a and b above 0. */
export function betaDraw(options: { a: number; b: number; random: () => number }): number {
  const { a, b, random } = options;
  // A gamma draw of a shape below 1 is one of the next shape, pulled towards 0.
  const gamma = (shape: number): number =>
    shape >= 1 ? gammaDraw(shape, random) : gammaDraw(shape + 1, random) * (1 - random()) ** (1 / shape);
  const x = gamma(a);
  const y = gamma(b);
  return x + y === 0 ? 0.5 : x / (x + y);
}
