/** 1.645: 90 % of a normal distribution lie within so many standard deviations. */
const Z = 1.6448536269514722;

/** Wilson's 90 % interval of a share (E. B. Wilson, JASA 1927): honest for small counts and at the ends. Null for nothing counted. */
export function agreementInterval({ agreed, of: n }: { agreed: number; of: number }): {
  low: number;
  high: number;
} | null {
  if (n === 0) return null;
  const share = agreed / n;
  const centre = share + Z ** 2 / (2 * n);
  const half = Z * Math.sqrt((share * (1 - share)) / n + Z ** 2 / (4 * n ** 2));
  const scale = 1 + Z ** 2 / n;
  return { low: Math.max(0, (centre - half) / scale), high: Math.min(1, (centre + half) / scale) };
}
