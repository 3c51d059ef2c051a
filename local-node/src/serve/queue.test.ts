import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAdmissionQueue, type Place } from "./queue.ts";

const never = new AbortController().signal;
const call = (
  session: string,
  options: { key?: string; priority?: Place["priority"]; deadlineMs?: number; signal?: AbortSignal } = {},
) => ({
  key: options.key ?? "",
  session,
  priority: options.priority ?? "interactive",
  deadlineMs: options.deadlineMs ?? 60_000,
  signal: options.signal ?? never,
});
const settled = () => new Promise((resolve) => setImmediate(resolve));

function setUp(slots: number) {
  let available = slots;
  let changes = 0;
  const queue = createAdmissionQueue({
    slots: () => available,
    onChange: () => {
      changes++;
    },
  });
  return {
    queue,
    changes: () => changes,
    setSlots(count: number) {
      available = count;
      queue.wake();
    },
  };
}

describe("createAdmissionQueue", () => {
  it("admits at once while slots are free, and counts", async () => {
    const { queue, changes } = setUp(2);
    const release = await queue.enter(call("a"));
    expect([queue.busy(), queue.queued(), queue.wouldWait("interactive")]).toEqual([1, 0, false]);
    await queue.enter(call("a"));
    expect(queue.wouldWait("interactive")).toBe(true);
    release();
    release();
    expect([queue.busy(), queue.wouldWait("interactive")]).toEqual([1, false]);
    expect(changes()).toBeGreaterThanOrEqual(3);
  });

  it("keeps the order inside a session, and lets sessions take turns", async () => {
    const { queue } = setUp(1);
    const order: string[] = [];
    const first = await queue.enter(call("busy"));
    const enter = async (session: string, name: string) => {
      const release = await queue.enter(call(session));
      order.push(name);
      await settled();
      release();
    };
    const calls = [
      enter("a", "a1"),
      enter("a", "a2"),
      enter("a", "a3"),
      enter("b", "b1"),
      enter("c", "c1"),
      enter("b", "b2"),
    ];
    first();
    await Promise.all(calls);
    expect(order).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  });

  it("gives keys their turns by what they have running, whatever number of sessions a key has", async () => {
    const { queue } = setUp(2);
    const order: string[] = [];
    const releases = new Map<string, () => void>();
    const enter = async (key: string, session: string, name: string) => {
      releases.set(name, await queue.enter(call(session, { key })));
      order.push(name);
    };
    const calls = [
      enter("a", "1", "a1"),
      enter("a", "2", "a2"),
      enter("a", "3", "a3"),
      enter("a", "4", "a4"),
      enter("b", "1", "b1"),
      enter("b", "1", "b2"),
    ];
    await settled();
    expect(order).toEqual(["a1", "a2"]);
    for (const [ended, next] of [
      ["a1", "b1"],
      // Now a and b have one each: a has waited longer.
      ["a2", "a3"],
      ["b1", "b2"],
      ["a3", "a4"],
    ] as const) {
      releases.get(ended)?.();
      await settled();
      expect(order.at(-1)).toBe(next);
    }
    await Promise.all(calls);
  });

  it("lets jobs run only where no interactive call waits, and never on the last of several slots", async () => {
    const { queue } = setUp(2);
    const order: string[] = [];
    const enter = async (name: string, priority: Place["priority"]) => {
      const release = await queue.enter(call(name, { priority }));
      order.push(name);
      return release;
    };
    const job = await enter("job1", "job");
    expect([queue.wouldWait("job"), queue.wouldWait("interactive")]).toEqual([true, false]);
    const waiting = enter("job2", "job");
    const first = await enter("call1", "interactive");
    const second = enter("call2", "interactive");
    job();
    (await second)();
    await settled();
    expect(order).toEqual(["job1", "call1", "call2", "job2"]);
    first();
    (await waiting)();
    expect([queue.busy(), queue.queued()]).toEqual([0, 0]);
  });

  it("runs jobs on an only slot too", async () => {
    const { queue } = setUp(1);
    (await queue.enter(call("a", { priority: "job" })))();
    expect(queue.busy()).toBe(0);
  });

  it("turns the latest call of a key's longest session away", async () => {
    const { queue } = setUp(0);
    const outcome = (session: string) =>
      queue.enter(call(session, { key: "k" })).then(
        () => "ran",
        (error: Error) => error.message,
      );
    const calls = [outcome("one"), outcome("two"), outcome("two")];
    expect(queue.shares()).toEqual([{ key: "k", priority: "interactive", waiting: 3 }]);
    expect(queue.turnAway({ key: "k", priority: "interactive" }, new Error("away"))).toBe(true);
    expect(queue.turnAway({ key: "other", priority: "interactive" }, new Error("away"))).toBe(false);
    expect(await calls[2]).toBe("away");
    queue.turnAllAway(() => new Error("closed"));
    expect(await Promise.all(calls)).toEqual(["closed", "closed", "away"]);
    expect(queue.queued()).toBe(0);
  });

  it("gives up a waiting call when its caller leaves, and admits the next one", async () => {
    const { queue } = setUp(1);
    const release = await queue.enter(call("a"));
    const cancel = new AbortController();
    const gone = queue.enter(call("a", { signal: cancel.signal }));
    const next = queue.enter(call("a"));
    cancel.abort();
    await expect(gone).rejects.toMatchObject({ code: "cancelled", status: 499 });
    expect(queue.queued()).toBe(1);
    release();
    await next;
    expect([queue.busy(), queue.queued()]).toEqual([1, 0]);
  });

  it("gives up a waiting call when its deadline passes", async () => {
    const { queue } = setUp(1);
    await queue.enter(call("a"));
    await expect(queue.enter(call("a", { deadlineMs: 5 }))).rejects.toMatchObject({
      code: "deadline_exceeded",
      status: 504,
      retryable: true,
    });
    expect(queue.queued()).toBe(0);
  });

  it("refuses a call whose caller left before it came", async () => {
    const { queue } = setUp(1);
    await expect(queue.enter(call("a", { signal: AbortSignal.abort() }))).rejects.toMatchObject({
      code: "cancelled",
    });
    expect(queue.busy()).toBe(0);
  });

  it("lets waiting calls begin when the engine gets slots", async () => {
    const { queue, setSlots } = setUp(0);
    const waiting = [queue.enter(call("a")), queue.enter(call("b"))];
    expect(queue.queued()).toBe(2);
    setSlots(2);
    await Promise.all(waiting);
    expect([queue.busy(), queue.queued()]).toEqual([2, 0]);
  });

  it("never runs more calls than slots, loses none and ends empty, whatever happens", async () => {
    const step = fc.oneof(
      fc.record({
        type: fc.constant("enter" as const),
        session: fc.constantFrom("a", "b", "c"),
        key: fc.constantFrom("k", "l"),
        priority: fc.constantFrom("interactive" as const, "job" as const),
      }),
      fc.record({ type: fc.constant("release" as const) }),
      fc.record({ type: fc.constant("cancel" as const), index: fc.nat(9) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(step, { maxLength: 40 }),
        async (slots, steps) => {
          const { queue } = setUp(slots);
          const running: (() => void)[] = [];
          const cancels: AbortController[] = [];
          const outcomes: Promise<string>[] = [];
          for (const { type, ...rest } of steps) {
            if (type === "enter" && "session" in rest) {
              const cancel = new AbortController();
              cancels.push(cancel);
              outcomes.push(
                queue.enter(call(rest.session, { ...rest, signal: cancel.signal })).then(
                  (release) => {
                    running.push(release);
                    return "ran";
                  },
                  (error) => error.code,
                ),
              );
            } else if (type === "release") running.shift()?.();
            else if ("index" in rest) cancels[rest.index]?.abort();
            await settled();
            expect(queue.busy()).toBeLessThanOrEqual(slots);
            expect(queue.busy()).toBe(running.length);
          }
          while (running.length > 0) {
            running.shift()?.();
            await settled();
          }
          const ends = await Promise.all(outcomes);
          expect(ends.every((end) => end === "ran" || end === "cancelled")).toBe(true);
          expect([queue.busy(), queue.queued()]).toEqual([0, 0]);
        },
      ),
      { numRuns: 50 },
    );
  });
});
