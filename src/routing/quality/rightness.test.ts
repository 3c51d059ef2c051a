import { describe, expect, it } from "vitest";
import { seededRandom } from "../statistics/seeded-random.ts";
import { promptFeatures } from "./prompt-features.ts";
import { chanceRight, learn, newRightness, qualityGap, relearn } from "./rightness.ts";

const call = (task: string, text: string, tools: string | null = null) =>
  promptFeatures({ task, text, tools });

describe("the chance that a model is right", () => {
  it("is even before anything is known", () => {
    expect(chanceRight(newRightness(), call("any", "any text"))).toBe(0.5);
  });

  it("comes from the task where the text says nothing, and is cautious after few labels", () => {
    const model = newRightness();
    const text = "Please do it.";
    for (let at = 0; at < 3; at++) learn(model, { features: call("easy", text), right: true });
    expect(chanceRight(model, call("easy", text))).toBeLessThan(0.9);
    for (let at = 0; at < 200; at++) {
      learn(model, { features: call("easy", text), right: true });
      learn(model, { features: call("hard", text), right: false });
    }
    expect(chanceRight(model, call("easy", text))).toBeGreaterThan(0.85);
    expect(chanceRight(model, call("hard", text))).toBeLessThan(0.15);
    expect(model.labels).toBe(403);
  });

  it("backs off to the tool set for a task that is new", () => {
    const model = newRightness();
    for (let at = 0; at < 300; at++) {
      learn(model, { features: call(`task ${at % 30}`, "go", "good tools"), right: true });
      learn(model, { features: call(`other ${at % 30}`, "go", "bad tools"), right: false });
    }
    expect(chanceRight(model, call("new", "go", "good tools"))).toBeGreaterThan(0.7);
    expect(chanceRight(model, call("new", "go", "bad tools"))).toBeLessThan(0.3);
  });

  it("comes from words within a task, and from the shape of the text", () => {
    const model = newRightness();
    const random = seededRandom(3);
    for (let at = 0; at < 600; at++) {
      const number = Math.floor(random() * 1e6);
      learn(model, { features: call("task", `order number ${number} status`), right: true });
      learn(model, { features: call("task", `refund ${number} dispute`), right: false });
      learn(model, { features: call("long", "word ".repeat(5)), right: true });
      learn(model, { features: call("long", "word ".repeat(400)), right: false });
    }
    expect(chanceRight(model, call("task", "order number 77 status"))).toBeGreaterThan(0.8);
    expect(chanceRight(model, call("task", "refund 77 dispute"))).toBeLessThan(0.2);
    expect(chanceRight(model, call("long", "word ".repeat(6)))).toBeGreaterThan(0.6);
    expect(chanceRight(model, call("long", "word ".repeat(350)))).toBeLessThan(0.4);
  });

  it("follows a change, also after very many labels", () => {
    const model = newRightness();
    for (let at = 0; at < 5_000; at++) learn(model, { features: call("task", "go"), right: true });
    for (let at = 0; at < 1_000; at++) learn(model, { features: call("task", "go"), right: false });
    expect(chanceRight(model, call("task", "go"))).toBeLessThan(0.5);
  });

  it("is calibrated: of calls at 70 %, about 70 % are right", () => {
    const model = newRightness();
    const random = seededRandom(9);
    const truth = (task: number) => 0.3 + 0.06 * task;
    const draw = () => Math.floor(random() * 11);
    for (let at = 0; at < 3_000; at++) {
      const task = draw();
      const features = call(`task ${task}`, `item ${Math.floor(random() * 1e9)}`);
      learn(model, { features, right: random() < truth(task) });
    }
    for (let task = 0; task < 11; task++)
      expect(Math.abs(chanceRight(model, call(`task ${task}`, "item 5")) - truth(task))).toBeLessThan(0.15);
  });
});

describe("labels that are all there from the beginning", () => {
  const examples = Array.from({ length: 600 }, (_, at) => ({
    features: call(at < 300 ? "first" : "second", `item ${at}`),
    right: at < 300 ? at % 10 !== 0 : at % 10 === 0,
  }));
  const first = call("first", "item 7");

  it("are learned alike however they are sorted", () => {
    const sorted = chanceRight(relearn(examples, seededRandom(1)), first);
    const mixed = chanceRight(
      relearn(
        [...examples].sort(
          (a, b) => a.features.values.length - b.features.values.length || Number(a.right) - Number(b.right),
        ),
        seededRandom(2),
      ),
      first,
    );
    expect(Math.abs(sorted - mixed)).toBeLessThan(0.03);
    expect(sorted).toBeGreaterThan(0.8);
  });

  it("count as one label each", () => {
    expect(relearn(examples, seededRandom(1)).labels).toBe(600);
  });

  it("leave their list as it was", () => {
    const before = [...examples];
    relearn(examples, seededRandom(1));
    expect(examples).toEqual(before);
  });
});

it("the gap is what the reference is likelier right by", () => {
  const reference = newRightness();
  const slm = newRightness();
  for (let at = 0; at < 200; at++) {
    learn(reference, { features: call("task", "go"), right: true });
    learn(slm, { features: call("task", "go"), right: at % 2 === 0 });
  }
  const gap = qualityGap({ reference, slm }, call("task", "go"));
  expect(gap).toBeGreaterThan(0.3);
  expect(qualityGap({ reference: slm, slm: reference }, call("task", "go"))).toBeCloseTo(-gap, 12);
});
