/**
 * The chance that a value of the first list is above one of the second, ties counted as half (Mann-Whitney): 0.5 says
 * that the value tells nothing of which list it is in. NaN where a list is empty.
 */
export function auc(above: readonly number[], below: readonly number[]): number {
  const all = [
    ...above.map((value) => ({ value, first: true })),
    ...below.map((value) => ({ value, first: false })),
  ];
  all.sort((a, b) => a.value - b.value);
  let wins = 0;
  let passed = 0;
  for (let at = 0; at < all.length; ) {
    let end = at;
    while (end < all.length && all[end]?.value === all[at]?.value) end++;
    const tied = all.slice(at, end);
    const firsts = tied.filter(({ first }) => first).length;
    wins += firsts * (passed + (tied.length - firsts) / 2);
    passed += tied.length - firsts;
    at = end;
  }
  return wins / (above.length * below.length);
}
