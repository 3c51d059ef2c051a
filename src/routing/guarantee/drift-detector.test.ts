import { describe, expect, it } from "vitest";
import { seededRandom } from "../statistics/seeded-random.ts";
import { auditShare, auditsUntilFound } from "./audit-share.ts";
import { afterAudit, type DriftDetector, startDetector } from "./drift-detector.ts";

/** Coins of a seed. */
function coins(seed: number): (p: number) => 0 | 1 {
  const random = seededRandom(seed);
  return (p) => (random() < p ? 1 : 0);
}

/** Audits until the alarm, or `most`. */
function auditsUntilAlarm(options: { start: DriftDetector; toss: () => 0 | 1; most: number }): number {
  let detector = options.start;
  for (let at = 1; at <= options.most; at++) {
    detector = afterAudit(detector, options.toss());
    if (detector.alarmed) return at;
  }
  return options.most;
}

const start = startDetector({ epsilon: 0.02, alarmRate: 0.01 });

describe("the drift detector", () => {
  it.each([
    [0.01, 0.01],
    [0.02, 0.01],
    [0.05, 0.01],
    [0.05, 0.005],
  ])(
    "at ε %d gives at most its stated rate %d of false alarms an audit, with the loss at ε",
    (epsilon, alarmRate) => {
      const runs = 300;
      let audits = 0;
      for (let run = 0; run < runs; run++) {
        const coin = coins(run + 1);
        audits += auditsUntilAlarm({
          start: startDetector({ epsilon, alarmRate }),
          toss: () => coin(epsilon),
          most: 20_000,
        });
      }
      expect(runs / audits).toBeLessThanOrEqual(alarmRate);
    },
  );

  it("less the audits is a supermartingale while the loss is at most ε", () => {
    const coin = coins(3);
    let detector = start;
    const sum = ({ won }: DriftDetector) => won.reduce((total, each) => total + each, 0) / won.length;
    for (let at = 0; at < 500; at++) {
      for (const loss of [0, 0.01, 0.02]) {
        const next = loss * sum(afterAudit(detector, 1)) + (1 - loss) * sum(afterAudit(detector, 0));
        expect(next - 1).toBeLessThanOrEqual(sum(detector) * (1 + 1e-12));
      }
      detector = afterAudit(detector, coin(0.02));
    }
  });

  it("finds a jump soon however long all was well before: it restarts", () => {
    const found = (before: number) =>
      auditsUntilAlarm({
        start: Array.from({ length: before }).reduce<DriftDetector>(
          (detector) => afterAudit(detector, 0),
          start,
        ),
        toss: () => 1,
        most: 100,
      });
    expect(found(10_000)).toBe(found(200));
    expect(found(10_000)).toBeLessThan(10);
  });

  it("stays alarmed", () => {
    let detector = start;
    while (!detector.alarmed) detector = afterAudit(detector, 1);
    for (let at = 0; at < 1_000; at++) detector = afterAudit(detector, 0);
    expect(detector.alarmed).toBe(true);
  });

  it.each([
    { epsilon: 0, alarmRate: 0.01 },
    { epsilon: 0.02, alarmRate: 0 },
    { epsilon: 0.02, alarmRate: 1 },
  ])("does not start with %o", (options) => {
    expect(() => startDetector(options)).toThrow(RangeError);
  });

  it("works for any ε that may be certified", () => {
    for (const epsilon of [0.0001, 0.3, 0.8, 0.99]) {
      const detector = startDetector({ epsilon, alarmRate: 0.001 });
      expect(auditsUntilAlarm({ start: detector, toss: () => 1, most: 10_000 })).toBeLessThan(10_000);
    }
  });
});

describe("the audit share", () => {
  const jump = { epsilon: 0.02, jump: 0.05, alarmRate: 0.01 };

  it("comes from the delay that is accepted", () => {
    expect(auditsUntilFound(jump)).toBe(237);
    expect(auditShare({ ...jump, delayCalls: 23_700 })).toEqual({
      share: 0.01,
      audits: 237,
      delayCalls: 23_700,
    });
  });

  it("says what delay it gives where that cannot be had", () => {
    expect(auditShare({ ...jump, delayCalls: 100 })).toMatchObject({ share: 1, delayCalls: 237 });
    expect(auditShare({ ...jump, delayCalls: 1e9 })).toMatchObject({ share: 0.001, delayCalls: 237_000 });
  });

  it("has no answer for no jump", () => {
    expect(() => auditsUntilFound({ ...jump, jump: 0 })).toThrow(RangeError);
    expect(() => auditsUntilFound({ ...jump, jump: 0.98 })).toThrow(RangeError);
  });
});
