import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { WorkQueue } from "./work-queue.ts";

let object = 0;

function inQueue<Result>(test: (queue: WorkQueue, again: () => WorkQueue) => Result, limit = 100) {
  const stub = env.LEDGER.getByName(`queue-${object++}`);
  return runInDurableObject(stub, (_instance, state) => {
    const open = () => new WorkQueue({ sql: state.storage.sql, limit });
    return test(open(), open);
  });
}

const item = (id: string) => ({ id, kind: "shadow", payload: "{}" });
const ids = (items: readonly { id: string }[]) => items.map(({ id }) => id);

describe("the queue of work that outlasts a reply", () => {
  it("gives each item once, the oldest first, and forgets what is done", () =>
    inQueue((queue) => {
      queue.add([item("a")], 1);
      queue.add([item("b"), item("a")], 2);
      expect(queue.size).toBe(2);
      expect(ids(queue.lease({ now: 3, limit: 1, leaseMs: 100 }))).toEqual(["a"]);
      expect(ids(queue.lease({ now: 3, limit: 9, leaseMs: 100 }))).toEqual(["b"]);
      expect(queue.lease({ now: 3, limit: 9, leaseMs: 100 })).toEqual([]);
      queue.done("a");
      queue.done("b");
      expect(queue.nextDue).toBeNull();
    }));

  it("gives an item again when its lease is over, or when it is due again, and counts the tries", () =>
    inQueue((queue) => {
      queue.add([item("a")], 0);
      queue.lease({ now: 0, limit: 1, leaseMs: 100 });
      expect(queue.lease({ now: 99, limit: 1, leaseMs: 100 })).toEqual([]);
      expect(queue.lease({ now: 100, limit: 1, leaseMs: 100 })).toMatchObject([{ id: "a", tries: 1 }]);
      queue.retry("a", 500);
      expect(queue.nextDue).toBe(500);
      expect(queue.lease({ now: 500, limit: 1, leaseMs: 100 })).toMatchObject([{ id: "a", tries: 2 }]);
    }));

  it("survives the end of its process", () =>
    inQueue((queue, again) => {
      queue.add([item("a")], 0);
      expect(ids(again().lease({ now: 1, limit: 1, leaseMs: 1 }))).toEqual(["a"]);
    }));

  it("is bounded: the oldest goes, and is named", () =>
    inQueue((queue) => {
      queue.add([item("a"), item("b")], 1);
      expect(ids(queue.add([item("c"), item("d")], 2))).toEqual(["a"]);
      expect(queue.size).toBe(3);
    }, 3));
});
