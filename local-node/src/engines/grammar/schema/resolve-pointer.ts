import type { UnsupportedSchema } from "../unsupported-schema.ts";

/**
 * Follows a `$ref` inside one document: `#`, a JSON pointer (RFC 6901) as a URI fragment, an `$anchor`, or the root's
 * own `$id`. Nothing is ever fetched.
 */
export function resolvePointer(
  root: unknown,
  reference: string,
  fail: (message: string) => UnsupportedSchema,
): { value: unknown; path: string } {
  const id = property(root, "$id");
  const fragment =
    typeof id === "string" && reference.startsWith(id) ? reference.slice(id.length) : reference;
  if (fragment === "" || fragment === "#") return { value: root, path: "#" };
  if (!fragment.startsWith("#")) {
    throw fail(`'$ref' leads out of the schema (${reference}); put what it means into $defs.`);
  }
  const missing = (): UnsupportedSchema =>
    fail(`'$ref' leads to ${reference}, where the schema has nothing.`);
  if (!fragment.startsWith("#/")) {
    const found = findAnchor(root, fragment.slice(1), "#", 0);
    if (found === null) throw missing();
    return found;
  }
  let value = root;
  for (const step of fragment.slice(2).split("/")) {
    value = property(value, decode(step, missing));
    if (value === undefined) throw missing();
  }
  return { value, path: fragment };
}

function decode(step: string, missing: () => UnsupportedSchema): string {
  try {
    return decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    throw missing();
  }
}

const MAX_ANCHOR_DEPTH = 200;

function findAnchor(
  value: unknown,
  anchor: string,
  path: string,
  depth: number,
): { value: unknown; path: string } | null {
  if (typeof value !== "object" || value === null || depth > MAX_ANCHOR_DEPTH) return null;
  if (property(value, "$anchor") === anchor) return { value, path };
  for (const [key, inner] of Object.entries(value)) {
    const step = key.replaceAll("~", "~0").replaceAll("/", "~1");
    const found = findAnchor(inner, anchor, `${path}/${step}`, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

function property(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}
