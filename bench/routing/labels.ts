import { readRecords } from "../lib/data.ts";
import type { BenchOptions } from "../lib/report.ts";

/** A question, and which of two models answered it right. */
export interface Labelled {
  task: string;
  prompt: string;
  smallOk: boolean;
  largeOk: boolean;
}

/** What the reference's answer is worth more than the SLM's: -1, 0 or 1. */
export const gapOf = ({ smallOk, largeOk }: Labelled): number => Number(largeOk) - Number(smallOk);

/** MMLU with the answers of a small and a large model, from the data folder. */
export function readLabels(options: BenchOptions): Labelled[] {
  const rows = readRecords<{ task: string; prompt: string; small_ok: boolean; large_ok: boolean }>(
    options,
    "routing/mmlu-small-large.jsonl",
  );
  return rows.map(({ task, prompt, small_ok, large_ok }) => ({
    task,
    prompt,
    smallOk: small_ok,
    largeOk: large_ok,
  }));
}
