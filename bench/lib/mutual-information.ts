/** Labels as numbers from 0, and how many things have each. */
function counted(labels: readonly string[]): { numbers: number[]; sizes: number[] } {
  const known = new Map<string, number>();
  const sizes: number[] = [];
  const numbers = labels.map((label) => {
    const number = known.get(label) ?? known.size;
    known.set(label, number);
    sizes[number] = (sizes[number] ?? 0) + 1;
    return number;
  });
  return { numbers, sizes };
}

const entropy = (sizes: readonly number[], all: number): number =>
  -sizes.reduce((sum, size) => sum + (size / all) * Math.log(size / all), 0);

/** Logarithms of factorials up to n. */
function logFactorials(n: number): Float64Array {
  const logs = new Float64Array(n + 1);
  for (let at = 1; at <= n; at++) logs[at] = (logs[at - 1] ?? 0) + Math.log(at);
  return logs;
}

/** What two random labellings with these sizes share on average (Vinh, Epps and Bailey 2010, equation 24a). */
function expectedInformation(a: readonly number[], b: readonly number[], all: number): number {
  const logs = logFactorials(all);
  const log = (n: number): number => logs[n] ?? 0;
  let expected = 0;
  for (const x of a) {
    for (const y of b) {
      const fixed = log(x) + log(y) + log(all - x) + log(all - y) - log(all);
      for (let both = Math.max(1, x + y - all); both <= Math.min(x, y); both++) {
        const chance = fixed - log(both) - log(x - both) - log(y - both) - log(all - x - y + both);
        expected += (both / all) * Math.log((all * both) / (x * y)) * Math.exp(chance);
      }
    }
  }
  return expected;
}

/**
 * How much two labellings of the same things agree: 1 when they are the same up to names, 0 when they agree as much as
 * chance would have it (adjusted mutual information, arithmetic mean in the denominator, as scikit-learn has it).
 */
export function adjustedMutualInformation(one: readonly string[], other: readonly string[]): number {
  const all = one.length;
  const [a, b] = [counted(one), counted(other)];
  if (a.sizes.length === b.sizes.length && (a.sizes.length === 1 || a.sizes.length === all)) return 1;
  const cells = new Map<string, { x: number; y: number; both: number }>();
  for (const [at, x] of a.numbers.entries()) {
    const y = b.numbers[at] ?? 0;
    const cell = cells.get(`${x} ${y}`) ?? { x, y, both: 0 };
    cell.both++;
    cells.set(`${x} ${y}`, cell);
  }
  let information = 0;
  for (const { x, y, both } of cells.values())
    information += (both / all) * Math.log((all * both) / ((a.sizes[x] ?? 1) * (b.sizes[y] ?? 1)));
  const expected = expectedInformation(a.sizes, b.sizes, all);
  return (information - expected) / ((entropy(a.sizes, all) + entropy(b.sizes, all)) / 2 - expected);
}
