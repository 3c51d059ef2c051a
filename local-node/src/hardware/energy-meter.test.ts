import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEnergyMeter } from "./energy-meter.ts";

function setUp(maxGapMs = 1_000) {
  let at = 0;
  const meter = createEnergyMeter({ maxGapMs, now: () => at });
  return {
    meter,
    pass: (ms: number) => {
      at += ms;
    },
    /** Passes time with samples of the same power in between. */
    draw: (ms: number, watts: number) => {
      for (let passed = 0; passed < ms; passed += 500) {
        at += 500;
        meter.sample(watts);
      }
    },
  };
}

describe("the energy of a call", () => {
  it("is power times time", () => {
    const { meter, draw } = setUp();
    meter.sample(100);
    const call = meter.begin();
    draw(3_000, 100);
    expect(call.end()).toBeCloseTo(300, 9);
    expect(call.end()).toBeCloseTo(300, 9);
  });

  it("follows a power that changes, and goes on with the last sample until the end", () => {
    const { meter, pass } = setUp();
    meter.sample(100);
    const call = meter.begin();
    pass(1_000);
    meter.sample(300);
    pass(500);
    expect(call.end()).toBeCloseTo(200 + 150, 9);
  });

  it("is shared evenly by the calls that run at the same moment; idle power is nobody's", () => {
    const { meter, draw } = setUp();
    meter.sample(100);
    draw(5_000, 100);
    const first = meter.begin();
    draw(1_000, 100);
    const second = meter.begin();
    draw(1_000, 100);
    expect(second.end()).toBeCloseTo(50, 9);
    draw(1_000, 100);
    expect(first.end()).toBeCloseTo(250, 9);
  });

  it.each<[string, (test: ReturnType<typeof setUp>) => void]>([
    ["no sample ever came", ({ pass }) => pass(100)],
    [
      "the samples stopped",
      ({ draw, pass }) => {
        draw(1_000, 100);
        pass(1_500);
      },
    ],
    [
      "a gap in the middle",
      ({ draw, pass }) => {
        draw(1_000, 100);
        pass(5_000);
        draw(1_000, 100);
      },
    ],
    [
      "the board told no power for a while",
      ({ draw, pass, meter }) => {
        draw(1_000, 100);
        pass(500);
        meter.sample(null);
        draw(1_000, 100);
      },
    ],
  ])("is unknown, not guessed: %s", (_name, happen) => {
    const test = setUp();
    if (_name !== "no sample ever came") test.meter.sample(100);
    const call = test.meter.begin();
    happen(test);
    expect(call.end()).toBeNull();
    // What comes afterwards is known again.
    test.meter.sample(100);
    const next = test.meter.begin();
    test.draw(500, 100);
    expect(next.end()).toBeCloseTo(50, 9);
  });

  it("adds up to what was drawn while any call ran, however they overlap", () => {
    const step = fc.record({
      type: fc.constantFrom("begin", "end", "sample"),
      ms: fc.integer({ min: 1, max: 400 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { meter, pass } = setUp(1e9);
        meter.sample(80);
        const calls: ReturnType<typeof meter.begin>[] = [];
        let drawn = 0;
        let given = 0;
        for (const { type, ms } of steps) {
          pass(ms);
          if (calls.length > 0) drawn += (80 * ms) / 1000;
          if (type === "begin") calls.push(meter.begin());
          else if (type === "end") given += calls.shift()?.end() ?? 0;
          else meter.sample(80);
        }
        for (const call of calls) given += call.end() ?? 0;
        expect(given).toBeCloseTo(drawn, 6);
      }),
    );
  });
});
