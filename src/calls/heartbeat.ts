/** What keeps a silent stream alive: clients and proxies give up on connections on which nothing moves. */
export interface Heartbeat {
  readonly bytes: Uint8Array;
  /** Waits for a promise, or until it is time for a beat; what it settles to is the caller's to look at. */
  orBeat(promise: Promise<unknown>): Promise<"settled" | "beat">;
  stop(): void;
}

/**
 * A beat after each `afterMs` milliseconds of waiting. One timer serves the whole stream, so that a chunk costs none;
 * a beat may come up to a quarter later than asked.
 */
export function startHeartbeat(options: {
  bytes: Uint8Array;
  afterMs: number;
  now: () => number;
}): Heartbeat {
  const { afterMs, now } = options;
  let waitingSince = 0;
  let beat: (() => void) | null = null;
  const timer = setInterval(
    () => {
      if (beat !== null && now() - waitingSince >= afterMs) beat();
    },
    Math.max(1, Math.ceil(afterMs / 4)),
  );
  return {
    bytes: options.bytes,
    orBeat: (promise) =>
      new Promise((resolve) => {
        waitingSince = now();
        const settled = () => {
          beat = null;
          resolve("settled");
        };
        beat = () => {
          beat = null;
          resolve("beat");
        };
        promise.then(settled, settled);
      }),
    stop: () => clearInterval(timer),
  };
}
