import { unitHash } from "../fnv.ts";
import { type Side, sideOf } from "./split.ts";

/** Decides which calls are looked at, by chance alone. Its share stands still for as long as it lives. */
export interface Lottery {
  id: string;
  /** Random, and no caller's to know: who could foretell the draw could behave for it. */
  seed: string;
  /** The share of calls that are drawn, in (0, 1]. */
  share: number;
}

declare const drawn: unique symbol;

/**
 * A call that was drawn at random. Only `draw` makes one, from the call's id (which the gateway makes, at random) and
 * the lottery's seed, so that content, labels and feedback have no say, a retried work item draws the same, and anybody
 * who has the seed can check every draw afterwards.
 */
export type Draw = Readonly<{ callId: string; lotteryId: string; share: number; side: Side }> & {
  readonly [drawn]: true;
};

/** Null for a call that was not drawn. */
export function draw(lottery: Lottery, call: { id: string; splitKey: string }): Draw | null {
  if (!(lottery.share > 0 && lottery.share <= 1))
    throw new RangeError(`a lottery's share is above 0 and at most 1, not ${lottery.share}`);
  if (unitHash(`${lottery.seed}\n${call.id}`) >= lottery.share) return null;
  return {
    callId: call.id,
    lotteryId: lottery.id,
    share: lottery.share,
    side: sideOf(call.splitKey),
  } as Draw;
}
