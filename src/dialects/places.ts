import { fieldPath } from "./read-json.ts";

/** Beside the parts, not in them: no backend is told of it, and what a part says is equal wherever it stands. */
const PLACES = new WeakMap<object, string>();

/** Notes where a part stands in the caller's own request, by which a refusal names it. */
export function placed<Part extends object>(part: Part, path: readonly PropertyKey[] | string): Part {
  PLACES.set(part, typeof path === "string" ? path : fieldPath(path));
  return part;
}

/** The part's path in the caller's own words: `input[0].content[2]`; null for one that no caller sent. */
export function placeOf(part: object): string | null {
  return PLACES.get(part) ?? null;
}
