/** Whether a value is a prompt in token numbers. A plain loop: a schema takes a second for what a body can hold. */
export function isTokens(value: unknown): value is number[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  for (const token of value) if (!Number.isSafeInteger(token) || token < 0) return false;
  return true;
}
