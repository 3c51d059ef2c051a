import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { betsAgainst } from "./betting.ts";

const wealth = (n: number, losses: number, epsilon: number) => Math.exp(betsAgainst(epsilon)({ n, losses }));

/** The exact probability that the wealth ever reaches 1/δ within n labels of this true loss, over all paths. */
function everRejects(options: { epsilon: number; loss: number; delta: number; n: number }): number {
  const { epsilon, loss, delta, n } = options;
  const wealthOf = betsAgainst(epsilon);
  let going = [1];
  let rejected = 0;
  for (let at = 1; at <= n; at++) {
    const next = new Array<number>(at + 1).fill(0);
    for (const [losses, mass] of going.entries()) {
      next[losses] = (next[losses] ?? 0) + mass * (1 - loss);
      next[losses + 1] = (next[losses + 1] ?? 0) + mass * loss;
    }
    going = next.map((mass, losses) => {
      if (mass === 0 || wealthOf({ losses, n: at }) < -Math.log(delta)) return mass;
      rejected += mass;
      return 0;
    });
  }
  return rejected;
}

const share = fc.double({ min: 0.001, max: 0.5, noNaN: true });

describe("the wealth of the bets", () => {
  it("starts at the stake", () => {
    expect(wealth(0, 0, 0.02)).toBeCloseTo(1, 12);
  });

  it("is fair against a loss of exactly ε, after any past, and no better against a larger one", () => {
    fc.assert(
      fc.property(fc.nat(1_500), fc.nat(), share, share, (n, draw, epsilon, more) => {
        const losses = draw % (Math.min(n, 40) + 1);
        const now = wealth(n, losses, epsilon);
        fc.pre(now > 1e-200 && now < 1e200);
        const mean = (loss: number) =>
          loss * wealth(n + 1, losses + 1, epsilon) + (1 - loss) * wealth(n + 1, losses, epsilon);
        expect(mean(epsilon) / now).toBeCloseTo(1, 9);
        expect(mean(Math.min(1, epsilon + more)) / now).toBeLessThanOrEqual(1 + 1e-9);
      }),
    );
  });

  it("is never negative", () => {
    fc.assert(
      fc.property(fc.nat(2_000), fc.nat(), share, (n, draw, epsilon) => {
        expect(wealth(n, draw % (n + 1), epsilon)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it.each([
    [0.01, 0.1],
    [0.02, 0.1],
    [0.05, 0.1],
    [0.05, 0.01],
  ])(
    "wrongly certifies ε %d at δ %d in at most δ of all windows, looked at after every label",
    (epsilon, delta) => {
      const rejected = everRejects({ epsilon, loss: epsilon, delta, n: 1_000 });
      expect(rejected).toBeLessThanOrEqual(delta);
      // Not by never rejecting.
      expect(rejected).toBeGreaterThan(delta / 2);
    },
  );

  it("certifies what is well below ε: ε 2 %, true loss ε/4, δ 0.1", () => {
    const within = (n: number) => everRejects({ epsilon: 0.02, loss: 0.005, delta: 0.1, n });
    expect(within(300)).toBeGreaterThan(0.65);
    expect(within(600)).toBeGreaterThan(0.88);
  });
});
