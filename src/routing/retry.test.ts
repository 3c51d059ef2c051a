import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RouteletError } from "../errors.ts";
import { nextTry, type RetryPolicy } from "./retry.ts";

const POLICY: RetryPolicy = {
  attempts: 2,
  baseMs: 200,
  maxMs: 1_000,
  maxRetryAfterMs: 5_000,
  onStatus: [408, 429, "5xx"],
};
const BROKEN = new RouteletError({ kind: "upstream", code: "backend_500", message: "", retryable: true });
const busy = (retryAfterSeconds?: number) =>
  new RouteletError({
    kind: "rate_limited",
    code: "backend_busy",
    message: "",
    retryable: true,
    retryAfterSeconds,
  });

const WRONG = new RouteletError({ kind: "invalid_request", code: "x", message: "" });

const next = (more: Partial<Parameters<typeof nextTry>[0]> = {}) =>
  nextTry({
    error: BROKEN,
    status: 500,
    tries: 1,
    policy: POLICY,
    random: () => 0.5,
    now: 0,
    endsAt: 60_000,
    ...more,
  });

describe("nextTry", () => {
  it.each([
    ["a failure that may pass", { error: BROKEN }, 100],
    ["the second", { error: BROKEN, tries: 2 }, 200],
    ["tries used up", { error: BROKEN, tries: 3 }, null],
    ["a wait the backend asks for", { error: busy(2) }, 2_000],
    ["a wait that it asks for and that is shorter than the drawn one", { error: busy(0.01) }, 100],
    ["more than a caller should be kept waiting", { error: busy(6) }, null],
    ["no time left", { error: busy(2), endsAt: 2_000 }, null],
    [
      "a clock that ran out",
      { error: new RouteletError({ kind: "deadline", code: "x", message: "", retryable: true }) },
      null,
    ],
    ["a request that is wrong", { error: WRONG, status: 400 }, null],
    [
      "a wrong request whose status is listed",
      { error: WRONG, status: 400, policy: { ...POLICY, onStatus: [400] } },
      100,
    ],
    ["a status that is not listed", { policy: { ...POLICY, onStatus: [429] } }, null],
    [
      "any status of a listed kind",
      { error: WRONG, status: 409, policy: { ...POLICY, onStatus: ["4xx"] } },
      100,
    ],
    ["a cut connection, which has no status", { status: null, policy: { ...POLICY, onStatus: [] } }, 100],
    ["a wrong answer without a status", { error: WRONG, status: null }, null],
  ] as const)("%s", (_name, more, wait) => {
    expect(next(more)).toBe(wait);
  });

  it("waits between nothing and the bound, which doubles up to the most", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (tries, random) => {
          const wait = next({ tries, random: () => random, policy: { ...POLICY, attempts: 10 } });
          expect(wait).toBeGreaterThanOrEqual(0);
          expect(wait).toBeLessThanOrEqual(Math.min(1_000, 200 * 2 ** (tries - 1)));
        },
      ),
    );
  });
});
