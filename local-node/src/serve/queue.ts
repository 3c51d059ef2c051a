import { cancelled, deadlineExceeded } from "./node-errors.ts";

/** Whose call it is, and whether somebody waits for it. Jobs take only what interactive calls leave. */
export interface Place {
  /** The caller's API key, as the gateway names it. */
  key: string;
  session: string;
  priority: "interactive" | "job";
}

/** How many calls of one key wait. */
export interface Share {
  key: string;
  priority: Place["priority"];
  waiting: number;
}

export interface AdmissionQueue {
  /**
   * Waits for a slot; resolves with what gives it back. Rejects with a `NodeError` when the signal fires or the
   * deadline passes first. Calls of one session keep their order; the sessions of a key take turns; of the keys, the
   * one with the fewest running calls is next.
   */
  enter(call: Place & { deadlineMs: number; signal: AbortSignal }): Promise<() => void>;
  /** Whether a call that enters now would have to wait. */
  wouldWait(priority: Place["priority"]): boolean;
  /** Who waits, for whoever decides which call a full queue turns away. */
  shares(): Share[];
  /** Rejects the call of this key that came last; false where none waits. */
  turnAway(who: { key: string; priority: Place["priority"] }, error: Error): boolean;
  /** Rejects every call that waits. */
  turnAllAway(error: () => Error): void;
  busy(): number;
  queued(): number;
  /** Looks for free slots again: the engine has more of them now. */
  wake(): void;
}

interface Waiting extends Place {
  start(): void;
  giveUp(error: Error): void;
}

/** Waiting calls by key and by session, both in the order of turns. */
type Lane = Map<string, Map<string, Waiting[]>>;

const PRIORITIES = ["interactive", "job"] as const;

/** The queue before one engine. `slots` is asked each time; `onChange` is called when a count changed. */
export function createAdmissionQueue(options: { slots: () => number; onChange: () => void }): AdmissionQueue {
  const lanes: Record<Place["priority"], Lane> = { interactive: new Map(), job: new Map() };
  const queued = { interactive: 0, job: 0 };
  const busy = { interactive: 0, job: 0 };
  const running = new Map<string, number>();

  const totalBusy = (): number => busy.interactive + busy.job;
  /** One slot of several is kept free of jobs, so that a call that somebody waits for finds one. */
  const mayStart = (priority: Place["priority"]): boolean => {
    const slots = options.slots();
    if (totalBusy() >= slots) return false;
    return priority === "interactive" || busy.job < Math.max(1, slots - 1);
  };
  const takeSlot = ({ key, priority }: Place): (() => void) => {
    busy[priority]++;
    running.set(key, (running.get(key) ?? 0) + 1);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      busy[priority]--;
      const left = (running.get(key) ?? 1) - 1;
      if (left === 0) running.delete(key);
      else running.set(key, left);
      admit();
      options.onChange();
    };
  };
  const admit = (): void => {
    for (const priority of PRIORITIES) {
      while (queued[priority] > 0 && mayStart(priority)) nextTurn(lanes[priority])?.start();
    }
  };
  /** The next call of the key with the fewest running ones; key and session go to the end of their lines. */
  const nextTurn = (lane: Lane): Waiting | undefined => {
    const keys = [...lane.keys()];
    const load = (key: string): number => running.get(key) ?? 0;
    const key = keys.reduce((best, other) => (load(other) < load(best) ? other : best), keys[0] ?? "");
    const sessions = lane.get(key);
    const [turn] = sessions ?? [];
    if (sessions === undefined || turn === undefined) return undefined;
    const [session, calls] = turn;
    lane.delete(key);
    lane.set(key, sessions);
    sessions.delete(session);
    sessions.set(session, calls);
    return calls[0];
  };
  const join = (call: Waiting): void => {
    queued[call.priority]++;
    const lane = lanes[call.priority];
    const sessions = lane.get(call.key) ?? new Map<string, Waiting[]>();
    lane.set(call.key, sessions);
    sessions.set(call.session, [...(sessions.get(call.session) ?? []), call]);
  };
  const leave = (call: Waiting): void => {
    queued[call.priority]--;
    const lane = lanes[call.priority];
    const sessions = lane.get(call.key);
    const calls = sessions?.get(call.session)?.filter((other) => other !== call) ?? [];
    if (calls.length > 0) sessions?.set(call.session, calls);
    else sessions?.delete(call.session);
    if (sessions?.size === 0) lane.delete(call.key);
  };
  const waitingOf = (sessions: Map<string, Waiting[]> | undefined): Waiting[] =>
    [...(sessions?.values() ?? [])].flat();

  return {
    enter(call) {
      const { signal, deadlineMs, priority } = call;
      if (signal.aborted) return Promise.reject(cancelled());
      if (queued[priority] === 0 && mayStart(priority)) {
        const release = takeSlot(call);
        options.onChange();
        return Promise.resolve(release);
      }
      return new Promise((resolve, reject) => {
        const settle = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", onAbort);
          leave(waiting);
        };
        const waiting: Waiting = {
          ...call,
          start: () => {
            settle();
            resolve(takeSlot(call));
            options.onChange();
          },
          giveUp: (error) => {
            settle();
            reject(error);
            options.onChange();
          },
        };
        const onAbort = (): void => waiting.giveUp(cancelled());
        const timer = setTimeout(() => waiting.giveUp(deadlineExceeded()), deadlineMs);
        signal.addEventListener("abort", onAbort, { once: true });
        join(waiting);
        options.onChange();
      });
    },
    wouldWait: (priority) => queued[priority] > 0 || !mayStart(priority),
    shares: () =>
      PRIORITIES.flatMap((priority) =>
        [...lanes[priority]].map(([key, sessions]) => ({
          key,
          priority,
          waiting: waitingOf(sessions).length,
        })),
      ),
    turnAway: ({ key, priority }, error) => {
      const sessions = [...(lanes[priority].get(key)?.values() ?? [])];
      const longest = sessions.reduce<Waiting[]>(
        (most, calls) => (calls.length >= most.length ? calls : most),
        [],
      );
      const last = longest.at(-1);
      last?.giveUp(error);
      return last !== undefined;
    },
    turnAllAway: (error) => {
      for (const priority of PRIORITIES) {
        for (const sessions of [...lanes[priority].values()])
          for (const call of waitingOf(sessions)) call.giveUp(error());
      }
    },
    busy: totalBusy,
    queued: () => queued.interactive + queued.job,
    wake: admit,
  };
}
