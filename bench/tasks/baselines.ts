// What a recogniser of tasks is to be better than.

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** The first four words, digits masked. */
export const firstFourWords = (text: string): string =>
  text.replace(/\d+/g, "0").split(/\s+/).filter(Boolean).slice(0, 4).join(" ");

/** A sparse vector of length 1. */
type Vector = Map<number, number>;

function unit(vector: Vector): Vector {
  const length = Math.hypot(...vector.values());
  return length === 0 ? vector : new Map([...vector].map(([at, value]) => [at, value / length]));
}

/** TF-IDF vectors (sublinear term frequency). */
function tfIdf(texts: readonly string[]): Vector[] {
  const numbers = new Map<string, number>();
  const counts = texts.map((text) => {
    const count = new Map<number, number>();
    for (const word of wordsOf(text)) {
      const number = numbers.get(word) ?? numbers.size;
      numbers.set(word, number);
      count.set(number, (count.get(number) ?? 0) + 1);
    }
    return count;
  });
  const having = new Float64Array(numbers.size);
  for (const count of counts) for (const number of count.keys()) having[number] = (having[number] ?? 0) + 1;
  return counts.map((count) =>
    unit(
      new Map(
        [...count].map(([number, times]) => [
          number,
          (1 + Math.log(times)) * (1 + Math.log((1 + texts.length) / (1 + (having[number] ?? 0)))),
        ]),
      ),
    ),
  );
}

const product = (vector: Vector, dense: Float64Array): number => {
  let sum = 0;
  for (const [at, value] of vector) sum += value * (dense[at] ?? 0);
  return sum;
};

/** The first centres, far from each other (k-means++, Arthur and Vassilvitskii 2007). */
function seeds(vectors: readonly Vector[], k: number, random: () => number, size: number): Float64Array[] {
  const dense = (vector: Vector): Float64Array => {
    const out = new Float64Array(size);
    for (const [at, value] of vector) out[at] = value;
    return out;
  };
  const first = vectors[Math.floor(random() * vectors.length)] ?? new Map();
  const centres = [dense(first)];
  const distance = vectors.map(() => Infinity);
  while (centres.length < k) {
    const last = centres.at(-1) ?? new Float64Array(size);
    for (const [at, vector] of vectors.entries())
      distance[at] = Math.min(distance[at] ?? 0, Math.max(0, 1 - product(vector, last)));
    let left = random() * distance.reduce((sum, each) => sum + each, 0);
    const next = distance.findIndex((each) => {
      left -= each;
      return left <= 0;
    });
    centres.push(dense(vectors[Math.max(0, next)] ?? first));
  }
  return centres;
}

/** Spherical k-means on TF-IDF, told how many tasks there are: the group of each text. */
export function kMeans(options: {
  texts: readonly string[];
  k: number;
  random: () => number;
  rounds?: number;
}): string[] {
  const { k, random, rounds = 30 } = options;
  const vectors = tfIdf(options.texts);
  const size = vectors.reduce((most, vector) => Math.max(most, ...vector.keys()), 0) + 1;
  let centres = seeds(vectors, k, random, size);
  let groups: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const next = vectors.map((vector) => {
      const values = centres.map((centre) => product(vector, centre));
      return values.indexOf(Math.max(...values));
    });
    if (next.every((group, at) => group === groups[at])) break;
    groups = next;
    centres = centres.map(() => new Float64Array(size));
    for (const [at, vector] of vectors.entries()) {
      const centre = centres[groups[at] ?? 0];
      if (centre !== undefined)
        for (const [index, value] of vector) centre[index] = (centre[index] ?? 0) + value;
    }
    for (const centre of centres) {
      const length = Math.hypot(...centre) || 1;
      for (let at = 0; at < size; at++) centre[at] = (centre[at] ?? 0) / length;
    }
  }
  return groups.map(String);
}
