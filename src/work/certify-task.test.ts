import { expect, it } from "vitest";
import { newCallId } from "../ledger/call-id.ts";
import { lookAtTask } from "./certify-task.ts";
import type { DrawRecord, Task } from "./task.ts";
import { newTask } from "./task-view.ts";

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const candidate = { model: "small", fingerprint: "sf1_small", weights: null };

/** A right answer to a call of this second. */
function draw(second: number, lotteryId: string): DrawRecord {
  return {
    callId: newCallId({ now: second * SECOND, env: {} }),
    taskId: "t",
    kind: "shadow",
    lotteryId,
    share: 1,
    splitKey: `conversation ${second}`,
    at: second * SECOND,
    outcome: {
      candidate: "small",
      fingerprint: "sf1_small",
      basis: "whole",
      answer: { kind: "scored", score: 1, basis: "whole" },
      label: "fine",
      by: "text",
      findings: [],
      latencyMs: 1,
      slmTokens: null,
      referenceTokens: null,
    },
  };
}

const times = (n: number, from: number) => Array.from({ length: n }, (_, at) => from + at);

it("a certificate is made of calls that began longer ago than any call may take", () => {
  let id = 0;
  const policy = { epsilon: 0.05, delta: 0.1, share: 1, longestCallMs: HOUR };
  const look = (task: Task, draws: DrawRecord[], now: number) =>
    lookAtTask({ task, draws, policy, now, newId: () => `id ${id++}` });
  const training = times(100, 1).map((second) => draw(second, "before"));
  const task: Task = { ...newTask("t", 0), candidate, stage: { mode: "shadow", share: 0 } };
  const opened = look(task, training, 101 * SECOND).task;
  const lottery = opened.window?.lottery.id ?? "";
  expect(lottery).not.toBe("");
  const draws = [...training, ...times(600, 200).map((second) => draw(second, lottery))];
  // All have come back, and those that take long may not have been told of.
  expect(look(opened, draws, 800 * SECOND).task.certification).toBeNull();
  expect(look(opened, draws, 200 * SECOND + HOUR).task.certification).toBeNull();
  expect(look(opened, draws, 900 * SECOND + HOUR).task.certification?.threshold).toBe(1);
});
