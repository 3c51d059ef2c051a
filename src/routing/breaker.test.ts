import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  afterOutcome,
  afterReport,
  askBreaker,
  type BackendOutcome,
  type Breaker,
  type BreakerPolicy,
  CLOSED,
  type Phase,
  TRANSITIONS,
} from "./breaker.ts";

const POLICY: BreakerPolicy = { windowMs: 1_000, minRequests: 4, errorRate: 0.5, openMs: 500, probes: 1 };

const following = (breaker: Breaker, outcomes: readonly BackendOutcome[], at = 0) =>
  outcomes.reduce((state, outcome) => afterOutcome({ breaker: state, outcome, at, policy: POLICY }), breaker);

const open = following(CLOSED, ["broken", "broken", "broken", "broken"]);
const enter = (phase: Phase, since: number): Breaker => ({ ...CLOSED, phase, since });
const ask = (breaker: Breaker, at: number) => askBreaker({ breaker, at, policy: POLICY });

describe("the breaker", () => {
  it.each([
    ["too few outcomes", ["broken", "broken", "broken"], "closed"],
    ["half of them failures", ["ok", "broken", "ok", "broken"], "open"],
    ["fewer failures than that", ["ok", "ok", "ok", "broken", "broken"], "closed"],
    ["a backend that is busy, not broken", ["busy", "busy", "busy", "busy", "busy"], "closed"],
  ] as const)("with %s", (_name, outcomes, phase) => {
    expect(following(CLOSED, outcomes).phase).toBe(phase);
  });

  it("forgets what is older than its window", () => {
    const old = following(CLOSED, ["broken", "broken", "broken"]);
    expect(following(old, ["broken"], 999).phase).toBe("open");
    expect(following(old, ["broken"], 1_001).phase).toBe("closed");
  });

  it("keeps calls away while it is open, then lets one through", () => {
    expect(ask(open, 499).open).toBe(true);
    const probe = ask(open, 500);
    expect(probe).toMatchObject({ open: false, breaker: { phase: "half-open" } });
    expect(ask(probe.breaker, 501).open).toBe(true);
  });

  it("lets the next probe go when one never ended", () => {
    const probe = ask(open, 500).breaker;
    expect(ask(probe, 1_000)).toMatchObject({ open: false, breaker: { phase: "half-open", since: 1_000 } });
  });

  it.each([
    ["ok", "closed"],
    ["busy", "closed"],
    ["broken", "open"],
  ] as const)("a probe that ends %s leaves it %s", (outcome, phase) => {
    expect(following(ask(open, 500).breaker, [outcome], 600)).toMatchObject({ phase, since: 600 });
  });

  it("lets as many probes through as the policy says, and closes when all of them went well", () => {
    const policy = { ...POLICY, probes: 3 };
    let breaker = open;
    for (const [at, kept] of [
      [500, false],
      [501, false],
      [502, false],
      [503, true],
    ] as const) {
      const asked = askBreaker({ breaker, at, policy });
      expect(asked.open).toBe(kept);
      breaker = asked.breaker;
    }
    const phaseAfter = (outcomes: readonly BackendOutcome[]) =>
      outcomes.reduce((state, outcome) => afterOutcome({ breaker: state, outcome, at: 600, policy }), breaker)
        .phase;
    expect([
      phaseAfter(["ok", "busy"]),
      phaseAfter(["ok", "ok", "ok"]),
      phaseAfter(["ok", "ok", "broken"]),
    ]).toEqual(["half-open", "closed", "open"]);
  });

  it("does as its table says in every phase", () => {
    const phases = Object.keys(TRANSITIONS) as Phase[];
    fc.assert(
      fc.property(fc.constantFrom(...phases), fc.constantFrom("ok", "broken", "busy"), (phase, outcome) => {
        const next = TRANSITIONS[phase][outcome as BackendOutcome];
        const result = following({ ...CLOSED, phase }, [outcome as BackendOutcome], 1);
        expect(result.phase).toBe(next === "count" || next === "probe" ? "closed" : next);
      }),
    );
  });
});

describe("another isolate's word on a backend", () => {
  it.each([
    ["opens it", CLOSED, "open", 1, "open"],
    ["closes it", open, "closed", 1, "closed"],
    ["counts less than what was found out later", enter("open", 10), "closed", 9, "open"],
    ["ends a probe's wait", enter("half-open", 10), "closed", 11, "closed"],
  ] as const)("%s", (_name, breaker, phase, since, expected) => {
    expect(afterReport(breaker, { phase, since }).phase).toBe(expected);
  });

  it("leaves a closed breaker's own count alone", () => {
    const counting = following(CLOSED, ["broken", "broken", "broken"]);
    expect(following(afterReport(counting, { phase: "closed", since: 5 }), ["broken"], 6).phase).toBe("open");
  });
});
