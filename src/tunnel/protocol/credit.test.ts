import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeWindow, encodeWindow, ReceiveCredit, SendCredit } from "./credit.ts";
import { decodeMessage } from "./frames.ts";
import { INITIAL_WINDOW } from "./messages.ts";

describe("credit", () => {
  it("keeps what is unread within one window, and never runs dry while the reader reads", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(80_000)), { maxLength: 200 }), (steps) => {
        const sender = new SendCredit();
        const receiver = new ReceiveCredit();
        let unread = 0;
        for (const [sends, wanted] of steps) {
          const size = Math.min(wanted, sends ? sender.available : unread);
          if (sends) {
            sender.spend(size);
            receiver.receive(size);
            unread += size;
          } else {
            unread -= size;
            const grant = receiver.consume(size);
            if (grant > 0) sender.grant(grant);
          }
          expect(unread).toBeLessThanOrEqual(INITIAL_WINDOW);
        }
        const rest = receiver.consume(unread);
        if (rest > 0) sender.grant(rest);
        expect(sender.available).toBeGreaterThan(INITIAL_WINDOW / 2);
      }),
    );
  });

  it("is returned in large steps, not for every token", () => {
    const receiver = new ReceiveCredit();
    let grants = 0;
    for (let read = 0; read < 10 * INITIAL_WINDOW; read += 32) {
      receiver.receive(32);
      if (receiver.consume(32) > 0) grants += 1;
    }
    expect(grants).toBe(20);
  });

  it("exceeded by the peer is a protocol error", () => {
    const receiver = new ReceiveCredit();
    receiver.receive(INITIAL_WINDOW);
    expect(() => receiver.receive(1)).toThrow(expect.objectContaining({ code: "flow_control" }));
  });

  it("of zero, or beyond any sense, is a protocol error", () => {
    expect(() => new SendCredit().grant(0)).toThrow(expect.objectContaining({ code: "flow_control" }));
    expect(() => new SendCredit().grant(0x7fff_ffff)).toThrow(
      expect.objectContaining({ code: "flow_control" }),
    );
  });

  it("travels as four bytes and nothing else", () => {
    const [frame] = decodeMessage(encodeWindow(9, 131_072));
    expect(frame?.stream).toBe(9);
    expect(decodeWindow(frame?.payload ?? new Uint8Array())).toBe(131_072);
    expect(() => decodeWindow(new Uint8Array(3))).toThrow(expect.objectContaining({ code: "bad_payload" }));
  });
});
