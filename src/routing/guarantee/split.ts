import { unitHash } from "../fnv.ts";

/** What a call may be used for. */
export type Side = "train" | "calibration" | "test";

/** Shares of the sides, in this order. A side is a name's for ever: a change of these numbers voids open windows. */
export const SIDES: readonly { side: Side; share: number }[] = [
  { side: "train", share: 0.4 },
  { side: "calibration", share: 0.3 },
  { side: "test", share: 0.3 },
];

/**
 * What a call's side hangs on: its session, else its first message, so that a conversation and its retries stay on one
 * side. Kept with the call in place of both.
 */
export function splitKey(call: { session: string | null; firstMessage: string }): string {
  const name = call.session === null ? `first\n${call.firstMessage}` : `session\n${call.session}`;
  return unitHash(name).toString(36).slice(2);
}

/** The same side for the same key on every machine, whatever else is known of the call. */
export function sideOf(splitKey: string): Side {
  let left = unitHash(`side\n${splitKey}`);
  for (const { side, share } of SIDES) {
    if (left < share) return side;
    left -= share;
  }
  return "test";
}

declare const trainingSide: unique symbol;

/**
 * Something of a call on the training side. Whatever is fitted or chosen (calibration of confidence, thresholds and
 * their order, candidates, merges of tasks) takes this type, and `trainingOnly` alone makes it, so that nothing can be
 * fitted on what will judge it.
 */
export type Training<T> = T & { readonly [trainingSide]: true };

/** Keeps what is on the training side. */
export function trainingOnly<T extends { splitKey: string }>(rows: readonly T[]): Training<T>[] {
  return rows.filter((row): row is Training<T> => sideOf(row.splitKey) === "train");
}
