import { describe, expect, it } from "vitest";
import { startRecord } from "./fixtures/records.ts";
import { StartQueue, type StartSender } from "./start-queue.ts";

const NOW = Date.now();

function added(queue: StartQueue, now = NOW) {
  const record = startRecord();
  return { record, ...queue.add(record, now) };
}

function sender(one: { sender: StartSender | null }): StartSender {
  if (one.sender === null) throw new Error("this start was not to send");
  return one.sender;
}

describe("the starts that wait for the ledger", () => {
  it("has the first one sent at once, and those that come meanwhile together", async () => {
    const queue = new StartQueue();
    const first = added(queue);
    expect(queue.take(sender(first), NOW)).toEqual([first.record]);
    const others = [added(queue), added(queue)];
    expect(others.map((other) => other.sender)).toEqual([null, null]);
    queue.settle(sender(first), "durable");
    expect(queue.take(sender(first), NOW)).toEqual(others.map(({ record }) => record));
    queue.settle(sender(first), "durable");
    expect(queue.take(sender(first), NOW)).toBeNull();
    expect(await Promise.all([first, ...others].map(({ news }) => news))).toEqual(Array(3).fill("durable"));
    expect(added(queue).sender).not.toBeNull();
  });

  it("tells all of a message that failed to go alone, and goes on with the next", async () => {
    const queue = new StartQueue();
    const first = added(queue);
    queue.take(sender(first), NOW);
    const second = added(queue);
    queue.settle(sender(first), "alone");
    expect(await first.news).toBe("alone");
    expect(queue.take(sender(first), NOW)).toEqual([second.record]);
  });

  it("takes over what a sender owes that was cut off, and says nothing twice", async () => {
    const queue = new StartQueue();
    const lost = added(queue);
    queue.take(sender(lost), NOW);
    const waiting = added(queue, NOW + 1_000);
    const next = added(queue, NOW + 2_000);
    expect(queue.take(sender(next), NOW + 2_000)).toEqual([lost.record, waiting.record, next.record]);
    queue.settle(sender(lost), "alone");
    expect(queue.take(sender(lost), NOW + 2_000)).toBeNull();
    queue.settle(sender(next), "durable");
    expect(await lost.news).toBe("durable");
  });

  it("lets one request send for the others only for a while: what then waits goes alone", async () => {
    const queue = new StartQueue();
    const first = added(queue);
    let heard = NOW;
    for (let message = 0; message < 4; message++) {
      queue.take(sender(first), heard);
      queue.settle(sender(first), "durable");
      heard += 1_500;
      added(queue, heard);
    }
    const last = added(queue, heard);
    expect(queue.take(sender(first), heard)).toBeNull();
    expect(await last.news).toBe("alone");
    expect(added(queue, heard).sender).not.toBeNull();
  });

  it("sends no more than 256 starts in a message", () => {
    const queue = new StartQueue();
    const first = added(queue);
    queue.take(sender(first), NOW);
    for (let index = 0; index < 300; index++) added(queue);
    queue.settle(sender(first), "durable");
    expect(queue.take(sender(first), NOW)).toHaveLength(256);
    queue.settle(sender(first), "durable");
    expect(queue.take(sender(first), NOW)).toHaveLength(44);
  });

  it("does not gather without bounds behind an object that hangs", async () => {
    const queue = new StartQueue();
    queue.take(sender(added(queue)), NOW);
    const record = startRecord();
    for (let index = 0; index < 10_000; index++) queue.add(record, NOW);
    expect(await queue.add(record, NOW).news).toBe("alone");
  });
});
