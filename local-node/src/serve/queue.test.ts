import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAdmissionQueue } from "./queue.ts";

const never = new AbortController().signal;
const call = (session: string, options: { deadlineMs?: number; signal?: AbortSignal } = {}) => ({
  session,
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
    expect([queue.busy(), queue.queued(), queue.wouldWait()]).toEqual([1, 0, false]);
    await queue.enter(call("a"));
    expect(queue.wouldWait()).toBe(true);
    release();
    release();
    expect([queue.busy(), queue.wouldWait()]).toEqual([1, false]);
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
      fc.record({ type: fc.constant("enter" as const), session: fc.constantFrom("a", "b", "c") }),
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
                queue.enter(call(rest.session, { signal: cancel.signal })).then(
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
