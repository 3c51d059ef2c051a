/** Token by token, a value is in pieces that no one recognises; what was generated is in the content. */
const PER_TOKEN = new Set(["logprobs", "top_logprobs", "token_logprobs"]);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value without what it says of single tokens. */
export function withoutTokens(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTokens);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, each]) => [
      field,
      PER_TOKEN.has(field) && typeof each === "object" ? null : withoutTokens(each),
    ]),
  );
}
