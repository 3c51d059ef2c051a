import { LIMITS } from "../limits.ts";
import { UnsupportedSchema } from "../unsupported-schema.ts";

/** One way to write a value: something without parts, or an object or array with places for other values. */
export type Way = "scalar" | Container;

export interface Container {
  kind: "object" | "array";
  path: string;
  /** What may come first in an object, by name; null: what comes first does not tell this container from others. */
  first: ReadonlyMap<string, Place> | null;
  /** The places whose values it holds, one at a time. */
  places: Place[];
}

/** Where a value is written, in one of these ways. */
export interface Place {
  ways: readonly Way[];
  /** The texts of its values, where they are listed. */
  listed: ReadonlySet<string> | null;
}

/**
 * llama.cpp follows all ways to read what was written so far. Two ways that begin alike double them at every level, which
 * a schema that refers to itself makes exponential. This bounds how many there can be at once, and refuses more than
 * `LIMITS.readings`.
 */
export function refuseAmbiguity(root: Place, containers: readonly Container[]): void {
  const readings = new Map<Container, number>(containers.map((container) => [container, 1]));
  const users = new Map<Container, Container[]>();
  for (const container of containers) {
    for (const { ways } of container.places) {
      for (const way of ways) {
        if (way === "scalar") continue;
        const known = users.get(way);
        if (known === undefined) users.set(way, [container]);
        else known.push(container);
      }
    }
  }
  const of = (place: Place): number => {
    const inner = place.ways.filter((way) => way !== "scalar");
    const sums = inner.map((way) =>
      inner
        .filter((other) => mayBeginAlike(way, other))
        .reduce((sum, each) => sum + (readings.get(each) ?? 1), 0),
    );
    return Math.max(1, ...sums);
  };
  const pending = new Set(containers);
  for (const container of pending) {
    pending.delete(container);
    const now = Math.max(1, ...container.places.map(of));
    if (now > LIMITS.readings) throw tooAmbiguous(container.path);
    if (now === readings.get(container)) continue;
    readings.set(container, now);
    for (const user of users.get(container) ?? []) pending.add(user);
  }
  if (of(root) > LIMITS.readings) throw tooAmbiguous("#");
}

function mayBeginAlike(a: Container, b: Container): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind) return false;
  if (a.first === null || b.first === null) return true;
  for (const [name, place] of a.first) {
    const other = b.first.get(name);
    if (other === undefined) continue;
    const { listed } = place;
    if (listed === null || other.listed === null) return true;
    for (const text of listed) if (other.listed.has(text)) return true;
  }
  return false;
}

function tooAmbiguous(path: string): UnsupportedSchema {
  return new UnsupportedSchema({
    path,
    keyword: "",
    message: `The alternatives at ${path} and below can be read in more than ${LIMITS.readings} ways at once; give each alternative a required property that comes first and has a 'const' of its own.`,
  });
}
