import type { NodeReport } from "../fleet/fleet-store.ts";

const RETRY_MS = 5_000;

/**
 * Keeps the fleet informed of one node. Each report carries the newest truth, one at a time, so that reports cannot
 * overtake each other; a failed one is tried again by the object's alarm, which survives an eviction.
 */
export class FleetReporter {
  readonly #current: () => NodeReport | null;
  readonly #send: (report: NodeReport) => Promise<void>;
  readonly #retryAt: (time: number) => Promise<void>;
  #running: Promise<void> | null = null;
  #again = false;

  constructor(options: {
    /** The truth now; null when the node is not registered. */
    current: () => NodeReport | null;
    send: (report: NodeReport) => Promise<void>;
    /** Sets the object's alarm, which calls `report` again. */
    retryAt: (time: number) => Promise<void>;
  }) {
    this.#current = options.current;
    this.#send = options.send;
    this.#retryAt = options.retryAt;
  }

  /** Resolves when the newest truth has arrived, or its retry is scheduled. */
  report(): Promise<void> {
    if (this.#running !== null) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    do {
      this.#again = false;
      const report = this.#current();
      if (report === null) return;
      try {
        await this.#send(report);
      } catch (error) {
        console.warn(JSON.stringify({ event: "fleet_report_delayed", error: String(error) }));
        await this.#retryAt(Date.now() + RETRY_MS);
        return;
      }
    } while (this.#again);
  }
}
