/** What stands in a field of a request that is text, a list of texts, or token numbers, as texts; of tokens their number. */
export function promptTexts(text: string, field: string): string[] {
  const { [field]: value } = JSON.parse(text) as Record<string, unknown>;
  if (typeof value === "string") return [value];
  if (!Array.isArray(value)) return [];
  if (typeof value[0] === "number") return [`${value.length} tokens`];
  return value.map((each) =>
    typeof each === "string" ? each : `${Array.isArray(each) ? each.length : 0} tokens`,
  );
}
