/** What one schema may cost. Each is refused with `UnsupportedSchema` (docs/structured-output.md states them). */
export const LIMITS = {
  /** Objects and booleans that are schemas, with each `$ref` target counted once. */
  schemas: 5_000,
  /** Levels of schemas inside each other, without following `$ref`. */
  depth: 64,
  /** Ways to choose from the `anyOf`, `oneOf` and `if` that apply at one place. */
  alternatives: 256,
  /** Values of one `enum`. */
  enumValues: 2_000,
  /** llama.cpp's own limit of `{m,n}`. An upper bound above it is left to validation, a lower one is refused. */
  repetitions: 2_000,
  /** States of the automaton of one string: patterns, lengths and excluded names together. */
  automatonStates: 3_000,
  /** Distinct patterns of `patternProperties` at one place. */
  patternProperties: 3,
  /** Ways to read what was written so far, that llama.cpp would follow at once. */
  readings: 64,
  rules: 10_000,
  /** Characters of the grammar's text; compiling it holds the engine up. */
  grammarLength: 250_000,
} as const;
