import { describe, expect, it } from "vitest";
import { type CallShape, taskKeyOf } from "./task-key.ts";
import { REST, TaskMiner, type TaskMove } from "./task-miner.ts";

const TASKS = {
  invoices: [
    "You check invoices for a wholesaler.",
    "Compare every line with the order that belongs to it.",
    "Report what differs as a table of three columns.",
    "Never change an amount yourself.",
  ],
  travel: [
    "You book journeys for the staff of a theatre.",
    "Prefer trains wherever the journey takes less than a day.",
    "Ask for the cost centre before anything is booked.",
    "Report what was booked in one sentence.",
  ],
  support: [
    "You answer letters of listeners of a radio station.",
    "Be as polite as the letter that you answer.",
    "Forward complaints about the music to the editor.",
    "Sign with the name of the station.",
  ],
};
type TaskName = keyof typeof TASKS;
const NAMES: TaskName[] = ["invoices", "travel", "support"];

const WORDS = "harbour meadow copper lantern orchard pepper saddle mirror engine planet ticket winter".split(
  " ",
);

/** A small generator with a period longer than any test. */
function drawing(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A prompt of a task: its sentences in some order, and what the agent pasted, somewhere between. */
function prompt(task: TaskName, draw: (below: number) => number): string {
  const lines: string[] = [...TASKS[task]];
  for (let at = lines.length - 1; at > 0; at--) {
    const other = draw(at + 1);
    [lines[at], lines[other]] = [lines[other] ?? "", lines[at] ?? ""];
  }
  const pasted = Array.from({ length: draw(12) }, () =>
    Array.from({ length: 5 }, () => WORDS[draw(WORDS.length)]).join(" "),
  );
  lines.splice(draw(lines.length + 1), 0, ...pasted);
  return lines.join("\n");
}

const keyOf = (system: string, more: Partial<CallShape> = {}) =>
  taskKeyOf({ system: [system], firstUser: "", tools: [], format: null, lastRole: "user", ...more });

/** Calls of the three tasks in turn. */
function stream(count: number, seed = 1): { task: TaskName; key: ReturnType<typeof keyOf> }[] {
  const draw = drawing(seed);
  return Array.from({ length: count }, (_, at) => {
    const task = NAMES[at % 3] ?? "invoices";
    return { task, key: keyOf(prompt(task, draw)) };
  });
}

const strange = (draw: (below: number) => number): string =>
  Array.from({ length: 6 }, () =>
    Array.from({ length: 6 }, () =>
      draw(2 ** 31)
        .toString(36)
        .replace(/\d/g, "q"),
    ).join(" "),
  ).join("\n");

describe("a stream of calls of three tasks, with pages pasted into their prompts", () => {
  const calls = stream(300);
  const miner = new TaskMiner();
  const told = calls.map(({ key }) => miner.assign(key));

  it("has three tasks, named by their first calls", () => {
    const now = new Map(calls.map(({ task, key }) => [task, miner.taskOf(key.key)]));
    expect(new Set(calls.map(({ key }) => miner.taskOf(key.key))).size).toBe(3);
    for (const [at, name] of NAMES.entries()) expect(now.get(name)).toBe(calls[at]?.key.key);
  });

  it("is told so at arrival from the twentieth of each on", () => {
    const late = calls.map(({ task }, at) => `${task} ${told[at]}`).slice(60);
    expect(new Set(late).size).toBe(3);
  });

  it("works with as many templates as there are tasks", () => {
    miner.regroup();
    expect(miner.size.templates).toBe(3);
  });
});

describe("what is never one task", () => {
  it("prompts of different tools, forms and roles", () => {
    const miner = new TaskMiner();
    const draw = drawing(2);
    const variants: Partial<CallShape>[] = [
      {},
      { tools: [{ name: "find", parameters: null }] },
      { format: true },
      { lastRole: "tool" },
    ];
    const tasks = variants.map((more) => {
      const keys = Array.from({ length: 40 }, () => keyOf(prompt("travel", draw), more));
      for (const key of keys) miner.assign(key);
      return keys;
    });
    miner.regroup();
    const found = tasks.map((keys) => new Set(keys.map(({ key }) => miner.taskOf(key))));
    expect(found.map((set) => set.size)).toEqual([1, 1, 1, 1]);
    expect(new Set(found.flatMap((set) => [...set])).size).toBe(4);
  });

  it("two fixed tasks, however alike they become", () => {
    const miner = new TaskMiner();
    const first = keyOf("Summarise the text in one sentence.\nBe brief and clear.");
    const second = keyOf("Summarise the text in one sentence.\nBe long and winding.");
    miner.assign(first);
    miner.assign(second);
    const [one, other] = [miner.taskOf(first.key), miner.taskOf(second.key)];
    if (one === null || other === null || one === other) throw new Error("they begin as two");
    miner.fix(one);
    miner.fix(other);
    const draw = drawing(3);
    for (let at = 0; at < 60; at++)
      miner.assign(
        keyOf(
          `Summarise the text in one sentence.\nBe brief and clear.\nBe long and winding.\n${strange(draw)}`,
        ),
      );
    miner.regroup();
    expect([miner.taskOf(first.key), miner.taskOf(second.key)]).toEqual([one, other]);
    miner.release(other);
    miner.regroup();
    expect(miner.taskOf(second.key)).toBe(one);
  });
});

it("tells of every move, so that who keeps tasks can follow", () => {
  const moves: TaskMove[] = [];
  const miner = new TaskMiner({ moved: (move) => moves.push(move) });
  const calls = stream(120, 7);
  const known = new Map<string, string>();
  for (const { key } of calls) {
    const seen = moves.length;
    const task = miner.assign(key);
    for (const { template, to } of moves.slice(seen)) if (known.has(template)) known.set(template, to);
    if (!known.has(key.key)) known.set(key.key, task);
  }
  expect(moves.length).toBeGreaterThan(0);
  for (const { from, to } of moves) expect(from).not.toBe(to);
});

describe("after a restart", () => {
  it("every key has the task that it had, and new calls go where they would have gone", () => {
    const miner = new TaskMiner();
    const before = stream(200, 5);
    for (const { key } of before) miner.assign(key);
    miner.fix(miner.taskOf(before[0]?.key.key ?? "") ?? "");
    const again = TaskMiner.fromState(JSON.parse(JSON.stringify(miner.toState())));
    for (const { key } of before) expect(again.taskOf(key.key)).toBe(miner.taskOf(key.key));
    expect(again.size).toEqual(miner.size);
    expect(again.toState()).toEqual(miner.toState());
    miner.regroup();
    again.regroup();
    for (const { key } of stream(200, 6)) expect(again.assign(key)).toBe(miner.assign(key));
  });
});

describe("broken and hostile clients", () => {
  it("ten thousand different tasks leave the known ones alone and are merged into the rest", () => {
    const moves: TaskMove[] = [];
    const miner = new TaskMiner({
      limits: { templates: 200, keys: 1_000 },
      moved: (move) => moves.push(move),
    });
    const calls = stream(60, 8);
    for (const { key } of calls) miner.assign(key);
    miner.regroup();
    const tasks = calls.map(({ key }) => miner.taskOf(key.key));
    const draw = drawing(9);
    const flood = Array.from({ length: 10_000 }, () => keyOf(strange(draw)));
    for (const [at, key] of flood.entries()) {
      miner.assign(key);
      if (at % 50 === 0) for (const call of calls) miner.assign(call.key);
    }
    expect(calls.map(({ key }) => miner.taskOf(key.key))).toEqual(tasks);
    expect(miner.size.templates).toBeLessThanOrEqual(200);
    expect(miner.size.keys).toBeLessThanOrEqual(1_000);
    expect(moves.filter(({ to }) => to === REST).length).toBeGreaterThan(9_000);
    expect(miner.taskOf(flood[0]?.key ?? "")).toBeNull();
  });

  it("ten thousand sets of tools are forgotten with their templates", () => {
    const miner = new TaskMiner({ limits: { templates: 200 } });
    for (let at = 0; at < 10_000; at++)
      miner.assign(keyOf("Do it.", { tools: [{ name: `tool_${at}`, parameters: null }] }));
    expect(miner.size.groups).toBeLessThanOrEqual(200);
  });

  it("a fixed task stays through a flood, even where nobody calls it", () => {
    const miner = new TaskMiner({ limits: { templates: 50, keys: 100_000 } });
    const call = keyOf("You are a clerk who files letters by date.");
    const task = miner.assign(call);
    miner.fix(task);
    const draw = drawing(10);
    for (let at = 0; at < 500; at++) {
      const key = keyOf(strange(draw));
      miner.assign(key);
      miner.assign(key);
    }
    expect(miner.taskOf(call.key)).toBe(task);
  });

  it.each([
    ["empty prompts", () => ""],
    ["one line of a megabyte", () => "a ".repeat(500_000)],
    ["a common line and nothing else", () => "You are a helpful assistant."],
  ])("%s are one task", (_name, text) => {
    const miner = new TaskMiner();
    const key = keyOf(text());
    expect(new Set([miner.assign(key), miner.assign(key)]).size).toBe(1);
  });
});
