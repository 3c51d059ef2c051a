import { describe, expect, it } from "vitest";
import type { FinishMessage } from "./buffer.ts";
import { FinishQueue } from "./finish-queue.ts";
import { finishRecord, startRecord } from "./fixtures/records.ts";

function message(bytes = 0): FinishMessage {
  const start = startRecord();
  const body = {
    keyId: "k",
    iv: new Uint8Array(12),
    ciphertext: new Uint8Array(bytes),
    compression: "gzip" as const,
  };
  const bodies =
    bytes === 0 ? [] : [{ part: "request" as const, body, originalBytes: bytes, truncated: false }];
  return { finish: finishRecord(start, { bodies }), start };
}

const MEBIBYTE = 1024 * 1024;

describe("ends that wait in the isolate", () => {
  it("stay until the ledger has them: a sender that was cut off loses nothing", () => {
    const queue = new FinishQueue();
    queue.add(message());
    const sent = queue.lease(1_000);
    expect(sent).toHaveLength(1);
    expect(queue.lease(2_000)).toHaveLength(0);
    expect(queue.lease(40_000)).toHaveLength(1);
    queue.settle(sent);
    expect(queue.size).toBe(0);
  });

  it("can be sent again at once after a failure", () => {
    const queue = new FinishQueue();
    queue.add(message());
    queue.release(queue.lease(1_000));
    expect(queue.lease(1_001)).toHaveLength(1);
  });

  it("get another sender when the one that gathered never sent", () => {
    const queue = new FinishQueue();
    expect(queue.needsSender(0)).toBe(true);
    queue.senderDueAt = 20;
    expect(queue.needsSender(500)).toBe(false);
    expect(queue.needsSender(1_500)).toBe(true);
  });

  it("make messages of bounded size", () => {
    const queue = new FinishQueue();
    for (let index = 0; index < 6; index++) queue.add(message(1.5 * MEBIBYTE));
    expect(queue.lease(1)).toHaveLength(2);
    const alone = new FinishQueue();
    alone.add(message(6 * MEBIBYTE));
    expect(alone.lease(1)).toHaveLength(1);
  });

  it("lose the oldest content first and then the oldest calls, and say how many", () => {
    const queue = new FinishQueue();
    const added = Array.from({ length: 30 }, () => message(MEBIBYTE));
    const dropped = added.map((one) => queue.add(one).bodies);
    expect(dropped.reduce((sum, count) => sum + count, 0)).toBe(6);
    expect(queue.size).toBe(30);
    let calls = 0;
    for (let index = 0; index < 10_000; index++) calls += queue.add(message()).calls;
    expect(calls).toBe(30);
    expect(queue.size).toBe(10_000);
  });
});
