/** The value below which `share` of the values lie (nearest rank); NaN when there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Three digits after the point unless more were measured: more would claim a precision that is not there. */
export const rounded = (value: number, digits = 3): number => Number(value.toFixed(digits));
