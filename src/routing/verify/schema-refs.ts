import { isObject, type Json } from "../../dialects/json.ts";

/** What a local reference (`#/$defs/city`) points at in its schema; undefined for one that leads nowhere, or elsewhere. */
export function resolveRef(root: Json, ref: string): unknown {
  if (ref === "#") return root;
  if (!ref.startsWith("#/")) return undefined;
  return ref
    .slice(2)
    .split("/")
    .map((step) => unescapePointer(step))
    .reduce<unknown>((at, step) => {
      if (Array.isArray(at)) return at[Number(step)];
      return isObject(at) && Object.hasOwn(at, step) ? at[step] : undefined;
    }, root);
}

/** RFC 6901 sections 4 and 6: percent signs first, then tildes. */
function unescapePointer(step: string): string {
  let plain = step;
  try {
    plain = decodeURIComponent(step);
  } catch {
    // No percent encoding: the step is meant as it stands.
  }
  return plain.replaceAll("~1", "/").replaceAll("~0", "~");
}
