import { describe, expect, it } from "vitest";
import { createThreadGovernor, decodeCandidates, pickThreads } from "./threads.ts";

/** A machine of two cores on which time and others' work are set by the test. */
function machine() {
  let now = 0;
  let machineMs = 0;
  let ownMs = 0;
  const engine = { maxThreads: 9 };
  const governor = createThreadGovernor({
    engine,
    plan: { base: 1, full: 2 },
    machineCores: 2,
    readTimes: () => ({ machineMs, ownMs }),
    now: () => now,
  });
  return {
    engine,
    governor,
    pass(ms: number, cores: { own: number; others: number }) {
      now += ms;
      ownMs += ms * cores.own;
      machineMs += ms * (cores.own + cores.others);
    },
  };
}

describe("createThreadGovernor", () => {
  it("begins with the base count and takes all cores once the machine is seen to be idle", () => {
    const { engine, governor, pass } = machine();
    expect(engine.maxThreads).toBe(1);
    const prefill = governor.enterPrefill();
    const endFirst = prefill.beginSlice(64);
    expect(engine.maxThreads).toBe(1);
    pass(300, { own: 1, others: 0 });
    endFirst();
    prefill.beginSlice(64);
    expect(engine.maxThreads).toBe(2);
    prefill.leave();
    expect(engine.maxThreads).toBe(1);
  });

  it("leaves the last core alone while others work", () => {
    const { engine, governor, pass } = machine();
    const prefill = governor.enterPrefill();
    prefill.beginSlice(64)();
    pass(300, { own: 1, others: 0.5 });
    prefill.beginSlice(64);
    expect(engine.maxThreads).toBe(1);
  });

  it("uses the base count for slices too short to gain from more", () => {
    const { engine, governor, pass } = machine();
    const prefill = governor.enterPrefill();
    prefill.beginSlice(64)();
    pass(300, { own: 1, others: 0 });
    prefill.beginSlice(8);
    expect(engine.maxThreads).toBe(1);
  });

  it("gives the last core up for a minute after a slice that collapsed", () => {
    const { engine, governor, pass } = machine();
    const prefill = governor.enterPrefill();
    const endFirst = prefill.beginSlice(64);
    pass(300, { own: 1, others: 0 });
    endFirst();
    const endSecond = prefill.beginSlice(64);
    expect(engine.maxThreads).toBe(2);
    pass(3000, { own: 2, others: 0 });
    endSecond();
    prefill.beginSlice(64);
    expect(engine.maxThreads).toBe(1);
    pass(60_000, { own: 1, others: 0 });
    prefill.beginSlice(64);
    expect(engine.maxThreads).toBe(2);
  });

  it("goes back to the base count only when the last prompt is through, and counts each once", () => {
    const { engine, governor, pass } = machine();
    const first = governor.enterPrefill();
    const second = governor.enterPrefill();
    first.beginSlice(64)();
    pass(300, { own: 1, others: 0 });
    second.beginSlice(64);
    first.leave();
    first.leave();
    expect(engine.maxThreads).toBe(2);
    second.leave();
    expect(engine.maxThreads).toBe(1);
  });
});

describe("thread counts for decode", () => {
  it.each([
    [1, [1]],
    [2, [1]],
    [4, [2, 3]],
    [16, [8, 15]],
  ])("of %i cores are %j", (cores, candidates) => {
    expect(decodeCandidates(cores)).toEqual(candidates);
  });

  it("are the fastest measured, and more threads only where they pay", () => {
    const pick = (entries: [number, number][]) => pickThreads(new Map(entries)).threads;
    expect(
      pick([
        [4, 50],
        [7, 52],
      ]),
    ).toBe(4);
    expect(
      pick([
        [4, 50],
        [7, 80],
      ]),
    ).toBe(7);
    expect(
      pick([
        [4, 50],
        [7, 0.3],
      ]),
    ).toBe(4);
  });
});
