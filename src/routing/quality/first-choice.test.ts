import { describe, expect, it } from "vitest";
import { acceptedKey, firstChoice, type QualityBook } from "./first-choice.ts";
import { promptFeatures } from "./prompt-features.ts";
import { learn, newRightness, type Rightness } from "./rightness.ts";
import { NO_OUTCOMES, type Tally, withOutcome } from "./tally.ts";

const DAY = 86_400_000;
const call = { task: "extract", tools: "t1", text: "Extract the date." };

function tally(good: number, bad: number, at = 0): Tally {
  let made = NO_OUTCOMES;
  for (let each = 0; each < good + bad; each++)
    made = withOutcome(made, { good: each < good ? 1 : 0, at, halfLifeMs: 30 * DAY });
  return made;
}

function model(right: (at: number) => boolean, labels = 400): Rightness {
  const made = newRightness();
  for (let at = 0; at < labels; at++) learn(made, { features: promptFeatures(call), right: right(at) });
  return made;
}

const book = (change: Partial<QualityBook> = {}): QualityBook => ({
  accepted: new Map(),
  rightness: new Map(),
  halfLifeMs: 30 * DAY,
  ...change,
});

const choose = (of: QualityBook, change: Partial<Parameters<typeof firstChoice>[0]> = {}) =>
  firstChoice({
    call,
    slm: { id: "small", cost: { usd: 0.0001, latencyMs: 500 } },
    reference: { id: "large", cost: { usd: 0.002, latencyMs: 900 } },
    book: of,
    secondUsd: 0,
    wrongUsd: 0,
    standing: null,
    inTurn: false,
    at: 0,
    ...change,
  });

describe("the first choice", () => {
  it("tries an SLM of which nothing is known where it costs little", () => {
    expect(choose(book())).toMatchObject({ slmFirst: true, accepted: 0.3, gap: null });
  });

  it("gives up on a task whose answers are never accepted, and on that alone", () => {
    const accepted = new Map([
      [acceptedKey("small", { task: "extract" }), tally(0, 400)],
      [acceptedKey("small", "all"), tally(900, 500)],
    ]);
    expect(choose(book({ accepted })).slmFirst).toBe(false);
    expect(choose(book({ accepted }), { call: { ...call, task: "new" } }).slmFirst).toBe(true);
  });

  it("tries again when that was long ago", () => {
    const accepted = new Map([[acceptedKey("small", { task: "extract" }), tally(0, 400)]]);
    expect(choose(book({ accepted }), { at: 300 * DAY }).slmFirst).toBe(true);
  });

  it("judges a new task by its tool set", () => {
    const accepted = new Map([
      [acceptedKey("small", { tools: "t1" }), tally(0, 400)],
      [acceptedKey("small", "all"), tally(900, 500)],
    ]);
    expect(choose(book({ accepted })).accepted).toBeLessThan(0.04);
  });

  it("counts what a worse answer costs once there are labels enough of both models", () => {
    const rightness = new Map([
      ["small", model((at) => at % 2 === 0)],
      ["large", model(() => true)],
    ]);
    const accepted = new Map([[acceptedKey("small", { task: "extract" }), tally(400, 0)]]);
    const dear = choose(book({ accepted, rightness }), { wrongUsd: 0.1 });
    expect(dear.gap).toBeGreaterThan(0.3);
    expect(dear.slmFirst).toBe(false);
    expect(choose(book({ accepted, rightness })).slmFirst).toBe(true);
    rightness.set(
      "large",
      model(() => true, 100),
    );
    expect(choose(book({ accepted, rightness }), { wrongUsd: 0.1 })).toMatchObject({
      gap: null,
      slmFirst: true,
    });
  });
});
