/** A token bucket that holds one second's worth: how often an isolate may ask D1 about things it never saw. */
export class LookupBudget {
  readonly #perSecond: number;
  #tokens: number;
  #filledAt = 0;

  constructor(options: { perSecond: number }) {
    this.#perSecond = options.perSecond;
    this.#tokens = options.perSecond;
  }

  /** Takes one; false when none is left. `now` is in milliseconds. */
  take(now: number): boolean {
    const earned = Math.max(0, (now - this.#filledAt) / 1_000) * this.#perSecond;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + earned);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
