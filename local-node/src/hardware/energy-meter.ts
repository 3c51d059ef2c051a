/** A call that is being measured. */
export interface EnergyMeasure {
  /** Joules since it began; null when power was not known the whole time. Further calls give the same. */
  end(): number | null;
}

export interface EnergyMeter {
  begin(): EnergyMeasure;
  /** The boards' power now, in watts; null when it cannot be told. */
  sample(watts: number | null): void;
}

interface Running {
  joules: number;
  known: boolean;
}

/**
 * Adds up the power of the boards over the time of each call, evenly between the calls that run at the same moment.
 * What the boards draw while nothing runs belongs to no call. Between two samples power is taken to change evenly; where
 * samples are further apart than `maxGapMs`, the energy of the calls in between is unknown, not guessed.
 *
 * @param now milliseconds, rising
 */
export function createEnergyMeter(options: { maxGapMs: number; now: () => number }): EnergyMeter {
  const { maxGapMs, now } = options;
  const running = new Set<Running>();
  let last: { at: number; watts: number } | null = null;
  /** Up to here the calls have their energy. */
  let settledAt = now();

  /** Gives the running calls what was drawn since the last time, at `watts` on average. */
  const settle = (at: number, watts: number | null): void => {
    const seconds = (at - settledAt) / 1000;
    settledAt = at;
    if (seconds <= 0) return;
    for (const call of running) {
      if (watts === null) call.known = false;
      else call.joules += (watts * seconds) / running.size;
    }
  };
  /** The last sample's power, as long as it can be trusted. */
  const held = (at: number): number | null => (last !== null && at - last.at <= maxGapMs ? last.watts : null);

  return {
    begin: () => {
      settle(now(), held(now()));
      const call: Running = { joules: 0, known: true };
      running.add(call);
      let result: number | null | undefined;
      return {
        end: () => {
          if (result !== undefined) return result;
          const at = now();
          settle(at, held(at));
          running.delete(call);
          result = call.known ? call.joules : null;
          return result;
        },
      };
    },
    sample: (watts) => {
      const at = now();
      const before = held(at);
      settle(at, before === null || watts === null ? null : (before + watts) / 2);
      last = watts === null ? null : { at, watts };
    },
  };
}
