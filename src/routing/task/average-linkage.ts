/** What must never come together, whatever the others say. */
export const APART = -1e9;

/**
 * Groups things whose average similarity is at least a threshold (agglomerative clustering by average linkage, by the
 * nearest-neighbour chain of Murtagh 1983, which gives the same tree in O(n²)). Returns the number of each one's group.
 */
export function averageLinkage(options: {
  /** How many members each thing stands for. */
  sizes: readonly number[];
  /** Of two different things; symmetric. Changed by this function: row after row, `sizes.length` squared. */
  similarity: Float32Array;
  threshold: number;
}): number[] {
  const { similarity, threshold } = options;
  const count = options.sizes.length;
  const sizes = [...options.sizes];
  const groups = sizes.map((_, at) => at);
  const active = new Set(groups);
  const at = (a: number, b: number): number => similarity[a * count + b] ?? APART;

  const nearest = (a: number, preferred: number): { other: number; value: number } => {
    let other = preferred;
    let value = preferred < 0 ? APART : at(a, preferred);
    for (const b of active) {
      if (b === a || at(a, b) <= value) continue;
      other = b;
      value = at(a, b);
    }
    return { other, value };
  };
  const merge = (into: number, from: number): void => {
    const [a = 0, b = 0] = [sizes[into], sizes[from]];
    for (const c of active) {
      if (c === into || c === from) continue;
      const mean = (a * at(into, c) + b * at(from, c)) / (a + b);
      similarity[into * count + c] = mean;
      similarity[c * count + into] = mean;
    }
    sizes[into] = a + b;
    active.delete(from);
    for (const [index, group] of groups.entries()) if (group === from) groups[index] = into;
  };

  const chain: number[] = [];
  while (active.size > 1) {
    const top = chain.at(-1);
    if (top === undefined) {
      const [first = 0] = active;
      chain.push(first);
      continue;
    }
    const before = chain.at(-2) ?? -1;
    const { other, value } = nearest(top, before);
    if (value < threshold) {
      // Its nearest is too far, and merging others brings nothing nearer than the nearest of them was.
      active.delete(top);
      chain.length = 0;
    } else if (other === before) {
      chain.length -= 2;
      merge(Math.min(top, other), Math.max(top, other));
    } else chain.push(other);
  }
  return groups;
}
