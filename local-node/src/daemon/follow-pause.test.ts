import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { NodeError } from "../serve/contract.ts";
import { followPause } from "./follow-pause.ts";
import type { Pause } from "./pause.ts";

const OWNER: Pause = { reason: "owner", by: null, until: null };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A node with calls that end when the test says so, and engines that start when it lets them. */
function setUp(options: { pause?: Pause | null; graceMs?: number } = {}) {
  const events: string[] = [];
  let idle = Promise.withResolvers<void>();
  let failures = 0;
  let refusal: (() => NodeError) | null = null;
  const follower = followPause({
    pause: options.pause ?? null,
    serve: {
      pause: (error) => {
        events.push("refuse");
        refusal = error;
        idle = Promise.withResolvers();
        return idle.promise;
      },
      resume: () => {
        events.push("accept");
        refusal = null;
      },
    },
    engines: {
      list: () => [],
      models: () => [],
      add: () => undefined,
      close: async () => {},
      start: async () => {
        if (failures > 0) {
          failures--;
          throw new Error("no memory");
        }
        events.push("start");
      },
      stop: async () => void events.push("stop"),
    },
    graceMs: () => options.graceMs ?? 10_000,
    log: (_level, message) => events.push(message),
    now: Date.now,
    retryMs: 30_000,
  });
  return {
    events,
    follower,
    callsEnd: () => idle.resolve(),
    failStarts: (count: number) => {
      failures = count;
    },
    refusal: () => refusal?.(),
  };
}
const settle = () => vi.advanceTimersByTimeAsync(0);

describe("a paused node", () => {
  test("refuses, lets its calls end, gives the memory back, and comes back before it accepts", async () => {
    const { events, follower, callsEnd } = setUp();
    follower.set(OWNER);
    await settle();
    expect(events).toEqual(["refuse"]);
    callsEnd();
    await settle();
    expect(events).toEqual(["refuse", "stop"]);
    follower.set(null);
    await settle();
    expect(events).toEqual(["refuse", "stop", "start", "accept"]);
  });

  test("does not wait longer for its calls than the grace, whatever the reason changes to meanwhile", async () => {
    const { events, follower } = setUp();
    follower.set(OWNER);
    await vi.advanceTimersByTimeAsync(6_000);
    follower.set({ ...OWNER, reason: "quiet_hours" });
    await vi.advanceTimersByTimeAsync(3_900);
    expect(events).toEqual(["refuse"]);
    await vi.advanceTimersByTimeAsync(200);
    expect(events).toEqual(["refuse", "stop"]);
  });

  test("that is told to go on before its calls have ended keeps its engines", async () => {
    const { events, follower } = setUp();
    follower.set(OWNER);
    await settle();
    follower.set(null);
    await settle();
    expect(events).toEqual(["refuse", "accept"]);
  });

  test("starts paused, without engines", async () => {
    const { events, follower } = setUp({ pause: OWNER });
    await settle();
    expect(events).toEqual(["refuse"]);
    follower.set(null);
    await settle();
    expect(events).toEqual(["refuse", "start", "accept"]);
  });

  test("tries again when its engines cannot start yet, and not once it is paused again", async () => {
    const { events, follower, failStarts } = setUp({ pause: OWNER });
    failStarts(3);
    follower.set(null);
    await vi.advanceTimersByTimeAsync(31_000);
    expect(events.filter((event) => event.includes("no memory"))).toHaveLength(2);
    follower.set(OWNER);
    await vi.advanceTimersByTimeAsync(90_000);
    expect(events.filter((event) => event.includes("no memory"))).toHaveLength(2);
    follower.set(null);
    await vi.advanceTimersByTimeAsync(31_000);
    expect(events.slice(-2)).toEqual(["start", "accept"]);
  });

  test("tells callers when to come back, as far as it is known", async () => {
    const { follower, refusal } = setUp();
    follower.set({ ...OWNER, until: Date.now() + 90_000 });
    await settle();
    expect(refusal()).toMatchObject({
      code: "node_paused",
      status: 503,
      retryable: true,
      retryAfterSeconds: 90,
    });
    follower.set({ ...OWNER, until: Date.now() + 86_400_000 });
    expect(refusal()?.retryAfterSeconds).toBe(3_600);
    follower.set(OWNER);
    expect(refusal()?.retryAfterSeconds).toBe(60);
  });
});
