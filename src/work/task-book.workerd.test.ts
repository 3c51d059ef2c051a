import { afterEach, describe, expect, it, vi } from "vitest";
import type { Env } from "../env.ts";
import { newCallId } from "../ledger/call-id.ts";
import { MAX_UNTOLD, TaskBook } from "./task-book.ts";
import type { TaskView } from "./task-view.ts";
import type { ObservedCall } from "./work.ts";

afterEach(() => vi.restoreAllMocks());

const SERVED: TaskView = {
  id: "t",
  lottery: { id: "l", seed: "s", share: 1 },
  serving: { model: "small", fingerprint: "sf1_m", share: 1, threshold: 0 },
};

/** A book, and an object that hears it, or does not. */
function setUp() {
  const book = new TaskBook();
  const messages: string[][] = [];
  const work = { reachable: true };
  const stub = {
    observe: async (_projectId: string, calls: ObservedCall[]) => {
      if (!work.reachable) throw new Error("unreachable");
      messages.push(calls.map(({ callId }) => callId));
      return calls.map(() => SERVED);
    },
  };
  const env = { WORK: { getByName: () => stub } } as unknown as Pick<Env, "WORK">;
  let now = 1_000;
  const waits: Promise<unknown>[] = [];
  return {
    book,
    messages,
    work,
    waits,
    pass: (ms: number) => {
      now += ms;
    },
    serving: () => book.view({ projectId: "p", task: "t", now })?.serving ?? null,
    call: (drawn = true): string => {
      const callId = newCallId({ now: 1_000, env: {} });
      book.observe({
        env,
        projectId: "p",
        call: {
          callId,
          task: { name: "t" },
          splitKey: "s",
          at: now,
          human: false,
          covered: true,
          askedSlm: false,
        },
        drawn: () => drawn,
        waitUntil: (work) => void waits.push(work),
        now: () => now,
      });
      return callId;
    },
  };
}

describe("a view of a task", () => {
  it("serves nothing once a minute has passed without word of it, and does again when there is", async () => {
    const { call, waits, pass, serving } = setUp();
    call();
    await Promise.all(waits);
    pass(60_000);
    expect(serving()).toEqual(SERVED.serving);
    pass(1);
    expect(serving()).toBeNull();
    call();
    await Promise.all(waits);
    expect(serving()).toEqual(SERVED.serving);
  });

  it("is not renewed by asking an object that does not answer", async () => {
    const { call, waits, work, pass, serving } = setUp();
    call();
    await Promise.all(waits);
    work.reachable = false;
    for (let each = 0; each < 7; each++) {
      pass(10_000);
      call();
    }
    expect(serving()).toBeNull();
    work.reachable = true;
    await Promise.all(waits);
  }, 30_000);
});

describe("a call that was drawn", () => {
  it("is told again where the object was not reached", async () => {
    const { call, waits, work, messages } = setUp();
    vi.spyOn(console, "warn").mockImplementation(() => {
      work.reachable = true;
    });
    work.reachable = false;
    const ids = [call(), call()];
    await Promise.all(waits);
    expect(messages).toEqual([ids]);
  }, 30_000);

  it("is told in as many messages as it takes, and what is beyond the bound is counted and logged", async () => {
    const { call, waits, messages } = setUp();
    const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const ids = Array.from({ length: MAX_UNTOLD + 5 }, () => call());
    await Promise.all(waits);
    expect(messages.every((message) => message.length <= 500)).toBe(true);
    expect(messages.flat()).toEqual(ids.slice(0, MAX_UNTOLD));
    expect(logged.mock.calls.map(([line]) => JSON.parse(String(line)))).toEqual([
      { event: "task_calls_lost", lost: 5 },
    ]);
  }, 30_000);
});
