import { cancelled, deadlineExceeded } from "./node-errors.ts";

export interface AdmissionQueue {
  /**
   * Waits for a slot; resolves with what gives it back. Rejects with a `NodeError` when the signal fires or the
   * deadline passes first. Calls of one session keep their order; sessions take turns.
   */
  enter(call: { session: string; deadlineMs: number; signal: AbortSignal }): Promise<() => void>;
  /** Whether a call that enters now would have to wait. */
  wouldWait(): boolean;
  busy(): number;
  queued(): number;
  /** Looks for free slots again: the engine has more of them now. */
  wake(): void;
}

/** The queue before one engine. `slots` is asked each time; `onChange` is called when a count changed. */
export function createAdmissionQueue(options: { slots: () => number; onChange: () => void }): AdmissionQueue {
  /** Waiting calls by session, in the order of turns. */
  const sessions = new Map<string, (() => void)[]>();
  let busy = 0;
  let queued = 0;

  const takeSlot = (): (() => void) => {
    busy++;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      busy--;
      admit();
      options.onChange();
    };
  };
  const admit = (): void => {
    while (queued > 0 && busy < options.slots()) nextTurn()?.();
  };
  /** The first call of the session whose turn it is; the session goes to the end of the line. */
  const nextTurn = (): (() => void) | undefined => {
    const [turn] = sessions;
    if (turn === undefined) return undefined;
    const [session, waiting] = turn;
    sessions.delete(session);
    const start = waiting.shift();
    if (waiting.length > 0) sessions.set(session, waiting);
    return start;
  };
  const join = (session: string, start: () => void): void => {
    queued++;
    const waiting = sessions.get(session);
    if (waiting === undefined) sessions.set(session, [start]);
    else waiting.push(start);
  };
  const leave = (session: string, start: () => void): void => {
    queued--;
    const waiting = sessions.get(session);
    if (waiting === undefined) return;
    const index = waiting.indexOf(start);
    if (index !== -1) waiting.splice(index, 1);
    if (waiting.length === 0) sessions.delete(session);
  };

  return {
    enter({ session, deadlineMs, signal }) {
      if (signal.aborted) return Promise.reject(cancelled());
      if (queued === 0 && busy < options.slots()) {
        const release = takeSlot();
        options.onChange();
        return Promise.resolve(release);
      }
      return new Promise((resolve, reject) => {
        const settle = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", onAbort);
        };
        const start = (): void => {
          settle();
          queued--;
          resolve(takeSlot());
          options.onChange();
        };
        const giveUp = (error: Error): void => {
          settle();
          leave(session, start);
          reject(error);
          options.onChange();
        };
        const onAbort = (): void => giveUp(cancelled());
        const timer = setTimeout(() => giveUp(deadlineExceeded()), deadlineMs);
        signal.addEventListener("abort", onAbort, { once: true });
        join(session, start);
        options.onChange();
      });
    },
    wouldWait: () => queued > 0 || busy >= options.slots(),
    busy: () => busy,
    queued: () => queued,
    wake: admit,
  };
}
