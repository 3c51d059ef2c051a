import type { Violation } from "../said.ts";

/** Collects what is broken, each under its trap. */
export interface Rules {
  broken: Violation[];
  /** Notes `what` unless `holds`. */
  expect(trap: number, holds: boolean, what: string): void;
}

export function rules(): Rules {
  const broken: Violation[] = [];
  return {
    broken,
    expect(trap, holds, what) {
      if (!holds) broken.push({ trap, what });
    },
  };
}
