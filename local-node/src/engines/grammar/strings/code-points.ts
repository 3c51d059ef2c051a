/** A set of code points: ranges with both ends included, in order, with a gap between any two. */
export type CodePoints = readonly (readonly [number, number])[];

const LAST = 0x10_ffff;

/** Every code point that a text can hold: surrogates stand for others and are none themselves. */
export const ANY: CodePoints = [
  [0, 0xd7ff],
  [0xe000, LAST],
];

export function unite(...sets: readonly CodePoints[]): CodePoints {
  const ranges = sets.flat().sort(([a], [b]) => a - b);
  const united: [number, number][] = [];
  for (const [low, high] of ranges) {
    const last = united.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else united.push([low, high]);
  }
  return united;
}

export function complement(set: CodePoints): CodePoints {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [low, high] of unite(set, [[0xd800, 0xdfff]])) {
    if (low > next) rest.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= LAST) rest.push([next, LAST]);
  return rest;
}

export function intersect(a: CodePoints, b: CodePoints): CodePoints {
  return complement(unite(complement(a), complement(b)));
}

export function has(set: CodePoints, codePoint: number): boolean {
  return set.some(([low, high]) => low <= codePoint && codePoint <= high);
}

export function only(...characters: readonly string[]): CodePoints {
  return unite(
    characters.map((character): [number, number] => {
      const code = character.codePointAt(0) ?? 0;
      return [code, code];
    }),
  );
}
