/** Room for `_` and a count, larger than the ids of any request are many. */
const TAIL = 8;

/**
 * Rewrites ids for one request: each by `write`, and those that become equal numbered apart, within `max` characters.
 * The same request always gives the same ids, so that prompt caches hold. Takes time in proportion to the ids: a name
 * that is taken is met once at most, from the one stem and count that it is made of.
 */
export function createDistinctIds(options: {
  write: (original: string) => string;
  max?: number;
}): (original: string) => string {
  const stemLength = (options.max ?? Number.POSITIVE_INFINITY) - TAIL;
  const known = new Map<string, string>();
  const taken = new Set<string>();
  /** The last count that was tried, by stem. */
  const counts = new Map<string, number>();

  function numbered(plain: string): string {
    const stem = plain.slice(0, stemLength);
    let count = counts.get(stem) ?? 1;
    let id: string;
    do {
      count += 1;
      id = `${stem}_${count}`;
    } while (taken.has(id));
    counts.set(stem, count);
    return id;
  }

  return (original) => {
    const before = known.get(original);
    if (before !== undefined) return before;
    const plain = options.write(original);
    const id = taken.has(plain) ? numbered(plain) : plain;
    known.set(original, id);
    taken.add(id);
    return id;
  };
}
