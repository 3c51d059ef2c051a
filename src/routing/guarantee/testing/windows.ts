import {
  type CertificationWindow,
  type Family,
  type Method,
  openWindow,
  type Thresholds,
  thresholdsFrom,
} from "../certification-window.ts";
import type { DrawnOutcome, Label } from "../drawn-outcome.ts";
import type { Fingerprint } from "../fingerprint.ts";
import { type Draw, draw } from "../lottery.ts";
import { trainingOnly } from "../split.ts";

export const SERVED = "sf1_served" as Fingerprint;

/** Thresholds at these scores, by way of training calls that scored so. */
export function thresholdsAt(scores: readonly number[]): Thresholds {
  const rows = scores.flatMap((score, row) =>
    Array.from({ length: 200 }, (_, at) => ({ score, splitKey: `${row}.${at}` })),
  );
  const kept = scores.flatMap((score) =>
    trainingOnly(rows)
      .filter((row) => row.score === score)
      .slice(0, 40),
  );
  return thresholdsFrom(kept, { steps: scores.length });
}

export function windowOf(
  options: { epsilon?: number; delta?: number; scores?: number[]; method?: Method; share?: number } = {},
): { window: CertificationWindow; family: Family } {
  return openWindow({
    id: "window",
    family: { taskId: "task", delta: options.delta ?? 0.1, attempts: 0 },
    candidate: "slm",
    fingerprint: SERVED,
    seed: "seed",
    share: options.share ?? 1,
    epsilon: options.epsilon ?? 0.05,
    thresholds: thresholdsAt(options.scores ?? [0.9, 0.5, 0.1]),
    method: options.method ?? { kind: "betting" },
  });
}

export const callId = (at: number): string => `call_${String(at).padStart(6, "0")}`;

/** The first so many draws of the calibration side, in order. */
export function calibrationDraws(window: CertificationWindow, count: number): Draw[] {
  const draws: Draw[] = [];
  for (let at = 0; draws.length < count; at++) {
    const drawn = draw(window.lottery, { id: callId(at), splitKey: `key ${at}` });
    if (drawn?.side === "calibration") draws.push(drawn);
  }
  return draws;
}

export function outcomeOf(label: Label, score = 1): DrawnOutcome {
  return { fingerprint: SERVED, basis: "whole", answer: { kind: "scored", score, basis: "whole" }, label };
}
