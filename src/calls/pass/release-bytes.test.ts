import { describe, expect, it } from "vitest";
import { RouteletError } from "../../errors.ts";
import { startAttemptClock } from "../attempt-clock.ts";
import { releaseBytes } from "./release-bytes.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const LOST = new TypeError("connection lost");

/** Bytes that come in pieces; an error in their place is thrown. */
function released(pieces: readonly (string | Error)[], events: boolean) {
  const left = [...pieces];
  const client = new AbortController();
  const ends: [string, string | null][] = [];
  let cancelled = 0;
  const clock = startAttemptClock({
    client: client.signal,
    headersMs: null,
    firstByteMs: 60_000,
    idleMs: 60_000,
    totalEndsAt: Date.now() + 60_000,
    now: Date.now,
  });
  const stream = releaseBytes({
    source: {
      async read() {
        const next = left.shift();
        if (next instanceof Error) throw next;
        return next === undefined ? { done: true, value: undefined } : { done: false, value: encode(next) };
      },
      async cancel() {
        cancelled++;
      },
    },
    clock,
    events,
    onBytes: () => undefined,
    onEnd: (outcome, error) => ends.push([outcome, error?.code ?? null]),
  });
  return { stream, clock, ends, client, cancelled: () => cancelled };
}

describe("releaseBytes", () => {
  it("gives every byte, and ends once", async () => {
    const { stream, ends } = released(["a", "b"], false);
    expect(await new Response(stream).text()).toBe("ab");
    expect(ends).toEqual([["done", null]]);
  });

  it("breaks off where the backend does: what came is not the whole", async () => {
    const { stream, ends } = released(["a", LOST], false);
    await expect(new Response(stream).text()).rejects.toThrow();
    expect(ends).toEqual([["error", "upstream_lost"]]);
  });

  it("says so in the stream where that is one of events", async () => {
    const { stream, ends } = released(["data: 1\n\n", LOST], true);
    const text = await new Response(stream).text();
    expect(text).toMatch(/^data: 1\n\ndata: \{"error":\{.*"code":"upstream_lost"\}\}\n\n$/);
    expect(ends).toEqual([["error", "upstream_lost"]]);
  });

  it("lets go of the backend when its reader stops", async () => {
    const { stream, ends, cancelled } = released(["a", "b"], false);
    await stream.cancel();
    expect([ends, cancelled()]).toEqual([[["cancelled", "client_closed_request"]], 1]);
  });

  it.each([
    ["the client is gone", "cancelled", new RouteletError({ kind: "cancelled", code: "gone", message: "" })],
    ["a deadline is over", "deadline", new RouteletError({ kind: "deadline", code: "late", message: "" })],
  ])("ends when %s", async (_name, outcome, reason) => {
    const { stream, clock, ends } = released(["a", "b"], false);
    clock.giveUp(reason);
    await expect(new Response(stream).text()).rejects.toThrow();
    expect(ends).toEqual([[outcome, reason.code]]);
  });
});
