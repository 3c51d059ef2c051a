import type { Verdict } from "./suite.ts";

/** The traps by their number, as the table names them. */
export const TRAPS: Readonly<Record<number, string>> = {
  0: "what users expect beside them",
  1: "framing",
  2: "same dialect passes",
  3: "silence",
  4: "terminator",
  5: "chunk invariants",
  6: "include_usage",
  7: "where usage is",
  8: "cached tokens",
  9: "message_start usage",
  10: "cost",
  11: "tool-call index",
  12: "tool arguments",
  13: "Anthropic blocks",
  14: "tool results",
  15: "reasoning",
  16: "finish reasons",
  17: "commit late",
  18: "errors in a reply",
  19: "end without terminator",
  20: "three clocks",
  21: "retries",
  22: "the client leaves",
  23: "on record",
  24: "headers",
  25: "fields that cannot be honoured",
};

export interface Score {
  trap: number;
  passed: number;
  total: number;
  notApplicable: number;
}

/** Passed and total by trap. */
export function scores(verdicts: readonly Verdict[], skipped: readonly { trap: number }[]): Score[] {
  return Object.keys(TRAPS)
    .map(Number)
    .flatMap((trap) => {
      const mine = verdicts.filter(({ instance }) => instance.trap === trap);
      const notApplicable = skipped.filter((one) => one.trap === trap).length;
      if (mine.length + notApplicable === 0) return [];
      const passed = mine.filter(({ reason }) => reason === null).length;
      return { trap, passed, total: mine.length, notApplicable };
    });
}

/** The table for people. */
export function table(
  name: string,
  verdicts: readonly Verdict[],
  skipped: readonly { trap: number }[],
): string {
  const rows = scores(verdicts, skipped).map(({ trap, passed, total, notApplicable }) => {
    const mark = total === 0 ? "-" : passed === total ? "ok" : "FAIL";
    const rest = notApplicable > 0 ? `  (${notApplicable} not applicable)` : "";
    return `${String(trap).padStart(3)}  ${(TRAPS[trap] ?? "").padEnd(32)} ${`${passed}/${total}`.padStart(8)}  ${mark}${rest}`;
  });
  const passed = verdicts.filter(({ reason }) => reason === null).length;
  return [`${name}: ${passed} of ${verdicts.length} cases`, "", ...rows, ""].join("\n");
}
