import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { orAborted, startAttemptClock } from "./attempt-clock.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function start(client = new AbortController().signal, headersMs: number | null = null) {
  return startAttemptClock({
    client,
    headersMs,
    firstByteMs: 1_000,
    idleMs: 500,
    totalEndsAt: Date.now() + 10_000,
    now: Date.now,
  });
}

const code = (signal: AbortSignal): unknown => signal.reason?.code;

describe("startAttemptClock", () => {
  it("ends an attempt that has no content in time", () => {
    const { signal } = start();
    vi.advanceTimersByTime(999);
    expect(signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(code(signal)).toBe("first_byte_timeout");
  });

  it("ends an attempt whose headers are late, and no other", () => {
    const late = start(undefined, 300);
    const answered = start(undefined, 300);
    const patient = start(undefined, 5_000);
    answered.answered();
    vi.advanceTimersByTime(300);
    expect(code(late.signal)).toBe("headers_timeout");
    vi.advanceTimersByTime(699);
    expect(answered.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(code(answered.signal)).toBe("first_byte_timeout");
    expect(code(patient.signal)).toBe("first_byte_timeout");
  });

  it("watches silence only once content came, and each chunk begins it anew", () => {
    const clock = start();
    vi.advanceTimersByTime(900);
    clock.committed();
    clock.reading();
    vi.advanceTimersByTime(400);
    clock.read();
    clock.reading();
    vi.advanceTimersByTime(499);
    expect(clock.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(code(clock.signal)).toBe("idle_timeout");
  });

  it("costs a reply that comes whole one timer", () => {
    const timers = vi.spyOn(globalThis, "setTimeout");
    const clock = start();
    clock.committed();
    clock.stop();
    clock.reading();
    expect(timers).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not take a client that reads slowly for a silent backend", () => {
    const clock = start();
    clock.committed();
    clock.reading();
    clock.read();
    vi.advanceTimersByTime(9_000);
    expect(clock.signal.aborted).toBe(false);
    clock.reading();
    vi.advanceTimersByTime(500);
    expect(code(clock.signal)).toBe("idle_timeout");
  });

  it("ends the whole call at its deadline, however much comes", () => {
    const clock = start();
    clock.committed();
    for (let at = 0; at < 10_000; at += 100) {
      clock.read();
      clock.reading();
      vi.advanceTimersByTime(100);
    }
    expect(code(clock.signal)).toBe("total_timeout");
  });

  it("follows the client, also one that left before", () => {
    const client = new AbortController();
    const { signal } = start(client.signal);
    client.abort();
    expect(code(signal)).toBe("client_closed_request");
    expect(code(start(client.signal).signal)).toBe("client_closed_request");
  });

  it("lets nothing fire after it was stopped", () => {
    const client = new AbortController();
    const clock = start(client.signal);
    clock.committed();
    clock.stop();
    client.abort();
    vi.advanceTimersByTime(60_000);
    expect(clock.signal.aborted).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("orAborted", () => {
  it("gives the promise's own end while the signal lasts", async () => {
    const { signal } = new AbortController();
    await expect(orAborted(Promise.resolve(1), signal)).resolves.toBe(1);
    await expect(orAborted(Promise.reject(new Error("x")), signal)).rejects.toThrow("x");
  });

  it("rejects with the signal's reason, though the promise never settles", async () => {
    const clock = start();
    const waiting = orAborted(new Promise(() => undefined), clock.signal);
    vi.advanceTimersByTime(1_000);
    await expect(waiting).rejects.toMatchObject({ code: "first_byte_timeout" });
  });
});
