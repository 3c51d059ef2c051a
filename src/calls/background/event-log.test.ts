import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createEventLog, eventsAfter } from "./event-log.ts";

const event = (number: number) => `data: {"type":"t","sequence_number":${number}}\n\n`;
const encode = (text: string) => new TextEncoder().encode(text);
const BEAT = encode(": beat\n\n");

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const log = () => createEventLog(Date.now);
const following = (of: ReturnType<typeof log>, after: number, heartbeatMs = 0) => {
  const reader = of.follow({ after, heartbeat: BEAT, heartbeatMs }).getReader();
  return async () => {
    const { done, value } = await reader.read();
    return done ? null : new TextDecoder().decode(value);
  };
};

describe("what a stream has told", () => {
  it("is told to who comes later, from wherever they were, and then what comes", async () => {
    const told = log();
    const early = following(told, -1);
    const first = early();
    told.push(encode(event(0) + event(1).slice(0, 9)));
    told.push(encode(event(1).slice(9)));
    const late = following(told, 0);
    expect([await first, await early(), await late()]).toEqual([event(0), event(1), event(1)]);
    const next = late();
    told.push(encode(event(2)));
    told.end();
    expect([await next, await late(), await early(), await early()]).toEqual([
      event(2),
      null,
      event(2),
      null,
    ]);
    expect([told.text(), told.last()]).toEqual([
      event(0) + event(1) + event(2),
      { type: "t", sequence_number: 2 },
    ]);
  });

  it("is filled with beats while nothing comes; comments of the stream itself are not told", async () => {
    const told = log();
    const next = following(told, -1, 1_000);
    told.push(encode(": keep-alive\n\n"));
    const beat = next();
    await vi.advanceTimersByTimeAsync(1_300);
    expect(await beat).toBe(": beat\n\n");
    const after = next();
    told.push(encode(event(0)));
    expect(await after).toBe(event(0));
    told.end();
    expect(await next()).toBeNull();
  });

  it("ends the stream where it grows beyond what can be held, and is not kept where it is large", () => {
    const told = log();
    const large = (number: number) =>
      encode(`data: {"sequence_number":${number},"x":"${"x".repeat(9 * 1024 * 1024)}"}\n\n`);
    told.push(large(0));
    expect(told.text()).toBeNull();
    expect(() => [1, 2, 3].map((number) => told.push(large(number)))).toThrow(
      expect.objectContaining({ code: "upstream_too_large" }),
    );
  });

  it("is cut after an event for who has had it", () => {
    expect(eventsAfter(event(0) + event(1) + event(2), 0)).toBe(event(1) + event(2));
    expect(eventsAfter(event(0), 0)).toBe("");
  });
});
