import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CANARY_SHARES, type Mode, nextMove, type PromotionPolicy, type Standing } from "./modes.ts";

const POLICY: PromotionPolicy = {
  promotion: "automatic",
  minCalls: 20,
  minTests: 200,
  formMargin: 0.01,
  canaryAudits: 30,
  maxP95Ms: 1_000,
};

const standing = (mode: Mode, more: Partial<Standing> = {}): Standing => ({
  stage: { mode, share: mode === "promoted" ? 1 : 0 },
  excluded: false,
  human: false,
  calls: 100,
  candidate: true,
  changed: false,
  weaker: false,
  certified: true,
  tests: 200,
  invalid: { n: 300, worse: 0, bound: 0.0077 },
  overCalling: null,
  p95Ms: 500,
  approved: false,
  audits: 100,
  alarmed: false,
  ...more,
});

const canary = (share: number, more: Partial<Standing> = {}): Standing =>
  standing("canary", { stage: { mode: "canary", share }, ...more });

describe("a task that is ready", () => {
  it("goes through every stage, one at a time", () => {
    const seen = [];
    let now = standing("observe");
    for (let step = 0; step < 6; step++) {
      const move = nextMove(now, POLICY);
      if (!("to" in move)) break;
      seen.push(`${move.to.mode} ${move.to.share}`);
      now = { ...now, stage: move.to };
    }
    expect(seen).toEqual(["shadow 0", "canary 0.05", "canary 0.25", "canary 1", "promoted 1"]);
    expect(nextMove(now, POLICY)).toEqual({ stays: "done" });
  });
});

describe("what keeps a task where it is", () => {
  it.each<[string, Standing, string]>([
    ["too few calls", standing("observe", { calls: 19 }), "too_few_calls"],
    ["no small model", standing("observe", { candidate: false }), "no_candidate"],
    ["people watch its answers", standing("observe", { human: true }), "human_facing"],
    ["somebody excluded it", standing("observe", { excluded: true }), "excluded"],
    ["nothing certified", standing("shadow", { certified: false }), "not_certified"],
    ["too few test draws", standing("shadow", { tests: 199 }), "too_few_tests"],
    ["invalid too often", standing("shadow", { invalid: { n: 300, worse: 9, bound: 0.047 } }), "less_valid"],
    [
      "never invalid, on too few calls to say so",
      standing("shadow", { invalid: { n: 200, worse: 0, bound: 0.0114 } }),
      "less_valid",
    ],
    [
      "tools called where none was due",
      standing("shadow", { overCalling: { n: 300, worse: 3, bound: 0.022 } }),
      "over_calls",
    ],
    ["too slow", standing("shadow", { p95Ms: 1_001 }), "too_slow"],
    ["nobody knows how slow", standing("shadow", { p95Ms: null }), "too_slow"],
    ["too few audits", canary(0.25, { audits: 29 }), "too_few_audits"],
    ["it was taken back", standing("demoted"), "done"],
  ])("%s", (_what, now, stays) => {
    expect(nextMove(now, POLICY)).toEqual({ stays });
  });

  it("a person, where the settings ask for one, and once", () => {
    const policy = { ...POLICY, promotion: "approval" } as const;
    expect(nextMove(standing("shadow"), policy)).toEqual({ stays: "waits_for_approval" });
    expect(nextMove(standing("shadow", { approved: true }), policy)).toMatchObject({
      to: { mode: "canary" },
    });
    expect(nextMove(canary(0.05), policy)).toMatchObject({ to: { share: 0.25 } });
  });
});

describe("what takes a task back", () => {
  it.each<[string, Standing, Mode, string]>([
    ["drift in a canary", canary(0.05, { alarmed: true }), "demoted", "drift"],
    ["drift after promotion", standing("promoted", { alarmed: true }), "demoted", "drift"],
    ["another model behind the name", standing("promoted", { changed: true }), "shadow", "changed"],
    ["an exclusion", standing("promoted", { excluded: true }), "observe", "excluded"],
    ["people who read along", canary(1, { human: true }), "observe", "excluded"],
  ])("%s", (_what, now, mode, because) => {
    expect(nextMove(now, POLICY)).toMatchObject({ to: { mode, share: 0 }, because });
  });

  it("not a node that is away for a while", () => {
    expect(nextMove(standing("promoted", { candidate: false, changed: true }), POLICY)).toEqual({
      stays: "done",
    });
  });
});

it("a small model never answers without a certificate, and never more at once than one stage allows", () => {
  const share = fc.record({ n: fc.nat(400), worse: fc.nat(9), bound: fc.constantFrom(0, 0.01, 0.011, 1) });
  const anything = fc.record({
    stage: fc.oneof(
      fc.constantFrom<Mode>("observe", "shadow", "demoted").map((mode) => ({ mode, share: 0 })),
      fc.constantFrom(...CANARY_SHARES).map((share) => ({ mode: "canary" as const, share })),
    ),
    excluded: fc.boolean(),
    human: fc.boolean(),
    calls: fc.nat(100),
    candidate: fc.boolean(),
    changed: fc.boolean(),
    weaker: fc.boolean(),
    certified: fc.boolean(),
    tests: fc.nat(400),
    invalid: share,
    overCalling: fc.option(share),
    p95Ms: fc.option(fc.nat(2_000)),
    approved: fc.boolean(),
    audits: fc.nat(100),
    alarmed: fc.boolean(),
  });
  fc.assert(
    fc.property(anything, (now) => {
      const move = nextMove(now, POLICY);
      if (!("to" in move) || move.to.share === 0) return;
      expect(now.excluded || now.human).toBe(false);
      if (now.stage.mode === "canary") expect(now.alarmed).toBe(false);
      if (now.stage.mode === "shadow") {
        expect(now.certified && now.tests >= POLICY.minTests).toBe(true);
        expect(Math.max(now.invalid.bound, now.overCalling?.bound ?? 0)).toBeLessThanOrEqual(
          POLICY.formMargin,
        );
      }
      const at = CANARY_SHARES.indexOf(move.to.share);
      expect(at).toBeLessThanOrEqual(CANARY_SHARES.indexOf(now.stage.share) + 1);
    }),
    { numRuns: 2_000 },
  );
});

describe("a certificate that waits", () => {
  it.each<[string, Partial<Standing>, string]>([
    ["is void once what serves has changed", { changed: true, approved: true }, "changed"],
    ["is void once more is asked", { weaker: true, approved: true }, "policy_changed"],
  ])("%s", (_name, more, because) => {
    expect(nextMove(standing("shadow", more), POLICY)).toEqual({ to: { mode: "shadow", share: 0 }, because });
    const without = nextMove(standing("shadow", { ...more, certified: false }), POLICY);
    expect(without).toEqual({ stays: "not_certified" });
  });

  it("is void where it serves already, once more is asked", () => {
    for (const mode of ["canary", "promoted"] as const)
      expect(nextMove(standing(mode, { weaker: true }), POLICY)).toMatchObject({
        to: { mode: "shadow" },
        because: "policy_changed",
      });
  });
});
