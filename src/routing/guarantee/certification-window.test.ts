import { describe, expect, it } from "vitest";
import { deltaOfAttempt, openWindow, type Thresholds, thresholdsFrom } from "./certification-window.ts";
import { trainingOnly } from "./split.ts";
import { SERVED, thresholdsAt } from "./testing/windows.ts";

const family = { taskId: "task", delta: 0.1, attempts: 0 };
const options = {
  id: "w",
  family,
  candidate: "slm",
  fingerprint: SERVED,
  seed: "s",
  share: 0.1,
  epsilon: 0.02,
  thresholds: thresholdsAt([0.9, 0.5]),
  method: { kind: "betting" } as const,
};

describe("what attempts may spend", () => {
  it("goes down with the square of their number", () => {
    expect(deltaOfAttempt({ delta: 0.1, attempt: 1 })).toBeCloseTo(0.0607927, 7);
    expect(deltaOfAttempt({ delta: 0.1, attempt: 2 })).toBeCloseTo(0.0151982, 7);
    expect(deltaOfAttempt({ delta: 0.1, attempt: 10 })).toBeCloseTo(0.000607927, 9);
  });

  it("is never more than the family's δ, however many there are", () => {
    let spent = 0;
    for (let attempt = 1; attempt <= 100_000; attempt++) spent += deltaOfAttempt({ delta: 0.1, attempt });
    expect(spent).toBeLessThan(0.1);
    expect(spent).toBeGreaterThan(0.0999);
  });

  it.each([0, -1, 1.5])("is nothing for attempt %d", (attempt) => {
    expect(() => deltaOfAttempt({ delta: 0.1, attempt })).toThrow(RangeError);
  });
});

describe("a window", () => {
  it("takes the next attempt of its family, whichever candidate it is about", () => {
    const first = openWindow(options);
    const second = openWindow({ ...options, id: "w2", candidate: "another", family: first.family });
    expect([first.window.attempt, second.window.attempt, second.family.attempts]).toEqual([1, 2, 2]);
    expect(second.window.delta).toBeCloseTo(first.window.delta / 4, 12);
  });

  it.each([
    [{ epsilon: 0 }, "epsilon"],
    [{ epsilon: 1 }, "epsilon"],
    [{ family: { ...family, delta: 0 } }, "delta"],
    [{ thresholds: [] as unknown as Thresholds }, "thresholds"],
    [{ thresholds: [0.1, 0.9] as unknown as Thresholds }, "from strict to lax"],
    [{ thresholds: [0.5, 0.5] as unknown as Thresholds }, "from strict to lax"],
    [{ method: { kind: "binomial" as const, n: 0 } }, "at least one draw"],
  ])("is not opened with %o", (change, message) => {
    expect(() => openWindow({ ...options, ...change })).toThrow(message);
  });
});

describe("thresholds from training calls", () => {
  const rows = trainingOnly(
    Array.from({ length: 1_000 }, (_, at) => ({ score: (at % 100) / 100, splitKey: `${at}` })),
  );

  it("go from strict to lax and release equal parts more each", () => {
    const thresholds = thresholdsFrom(rows, { steps: 10 });
    expect(thresholds.length).toBe(10);
    for (const [at, threshold] of thresholds.entries()) {
      const share = rows.filter(({ score }) => score >= threshold).length / rows.length;
      expect(Math.abs(share - (at + 1) / 10)).toBeLessThan(0.02);
    }
    expect(thresholds.at(-1)).toBe(Math.min(...rows.map(({ score }) => score)));
  });

  it("are fewer where many calls score the same, and none without calls", () => {
    const same = rows.map((row) => ({ ...row, score: 0.5 }));
    expect(thresholdsFrom(same, { steps: 10 })).toEqual([0.5]);
    expect(thresholdsFrom([], { steps: 10 })).toEqual([]);
  });
});
