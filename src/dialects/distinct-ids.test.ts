import { describe, expect, it } from "vitest";
import { requestNames } from "./anthropic-messages/request-names.ts";
import { emptyRequest } from "./model-request.ts";
import { createCallIds } from "./openai-chat/call-ids.ts";

const MANY = 100_000;
const many = (make: (at: number) => string) => Array.from({ length: MANY }, (_, at) => make(at));

/** Each would take minutes where a new id is looked for from the beginning. */
const CASES: [string, () => (id: string) => string, string[]][] = [
  ["one prefix of the whole length", createCallIds, many((at) => `${"c".repeat(41)}${at}`)],
  [
    "prefixes that differ at their end alone",
    createCallIds,
    many(
      (at) =>
        "c".repeat(36) +
        String(at >> 1)
          .padStart(5, "0")
          .slice(1) +
        String(at),
    ),
  ],
  [
    "counted names that are taken already",
    createCallIds,
    [...many((at) => `${"c".repeat(32)}_${at}`), ...many((at) => `${"c".repeat(41)}${at}`)],
  ],
  [
    "characters that all become one",
    () => requestNames(emptyRequest()).id,
    many((at) => `${String.fromCodePoint(0x4e00 + at)}a`),
  ],
];

describe("createDistinctIds", () => {
  it.each(CASES)("numbers many apart in linear time: %s", { timeout: 20_000 }, (_, create, originals) => {
    const id = create();
    const ids = originals.map((original) => id(original));
    expect(new Set(ids).size).toBe(originals.length);
    expect(originals.every((original, at) => id(original) === ids[at])).toBe(true);
  });
});
