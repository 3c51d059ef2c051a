import { describe, expect, it, vi } from "vitest";
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
  it("stay until the ledger has them: a sender that was cut off loses nothing", async () => {
    const queue = new FinishQueue();
    queue.add(message());
    const sent = await queue.lease(1_000);
    expect(sent).toHaveLength(1);
    expect(await queue.lease(2_000)).toHaveLength(0);
    expect(await queue.lease(40_000)).toHaveLength(1);
    queue.settle(sent);
    expect(queue.size).toBe(0);
  });

  it("can be sent again at once after a failure", async () => {
    const queue = new FinishQueue();
    queue.add(message());
    queue.release(await queue.lease(1_000));
    expect(await queue.lease(1_001)).toHaveLength(1);
  });

  it("get another sender when the one that gathered never sent", () => {
    const queue = new FinishQueue();
    expect(queue.needsSender(0)).toBe(true);
    queue.senderDueAt = 20;
    expect(queue.needsSender(500)).toBe(false);
    expect(queue.needsSender(1_500)).toBe(true);
  });

  it("make messages of bounded size", async () => {
    const queue = new FinishQueue();
    for (let index = 0; index < 6; index++) queue.add(message(1.5 * MEBIBYTE));
    expect(await queue.lease(1)).toHaveLength(2);
    const alone = new FinishQueue();
    alone.add(message(6 * MEBIBYTE));
    expect(await alone.lease(1)).toHaveLength(1);
  });

  it("have their content sealed when they are sent, once", async () => {
    const queue = new FinishQueue();
    const sealed = message(300).finish.bodies;
    let seals = 0;
    const seal = async () => {
      seals += 1;
      return sealed;
    };
    queue.add(message(), { bytes: 200, seal });
    expect(seals).toBe(0);
    const sent = await queue.lease(1_000);
    expect(sent[0]?.finish.bodies).toEqual(sealed);
    queue.release(sent);
    expect((await queue.lease(2_000))[0]?.finish.bodies).toEqual(sealed);
    expect(seals).toBe(1);
  });

  it("are recorded without their content when that cannot be sealed", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const queue = new FinishQueue();
    queue.add(message(), { bytes: 200, seal: () => Promise.reject(new Error("no key")) });
    queue.add(message());
    const sent = await queue.lease(1_000);
    expect(sent.map(({ finish }) => finish.bodies)).toEqual([[], []]);
    expect(log).toHaveBeenCalledWith(expect.stringContaining("ledger_content_failed"));
    log.mockRestore();
  });

  it("count content that is not sealed yet: it is dropped, and its message kept small, like any other", async () => {
    const queue = new FinishQueue();
    const content = () => ({ bytes: 3 * MEBIBYTE, seal: async () => message(3 * MEBIBYTE).finish.bodies });
    const dropped = Array.from({ length: 10 }, () => queue.add(message(), content()).bodies);
    expect(dropped.reduce((sum, count) => sum + count, 0)).toBe(2);
    const sent = await queue.lease(1);
    expect(sent.map(({ finish }) => finish.bodies.length)).toEqual([0, 0, 1]);
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
