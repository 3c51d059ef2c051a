import { env } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { finishRecord, startRecord } from "../ledger/fixtures/records.ts";
import type { CallFinish } from "../ledger/records.ts";
import { startDetector } from "../routing/guarantee/drift-detector.ts";
import { settingsSchema } from "../settings.ts";
import { withAudit } from "./draw-labels.ts";
import { keptCall } from "./fixtures/kept-call.ts";
import { runAudit } from "./run-item.ts";
import type { DrawOutcome, Task } from "./task.ts";
import { newTask } from "./task-view.ts";

const TASK: Task = {
  ...newTask("t", 0),
  candidate: { model: "small", fingerprint: "sf1_small", weights: null },
  detector: startDetector({ epsilon: 0.05, alarmRate: 0.001 }),
};

/** What becomes of an audit of a call that ended so; `refused`: why its node's answer went to nobody. */
async function audited(finish: Partial<CallFinish>, refused?: string): Promise<DrawOutcome> {
  const [attempt] = finishRecord(startRecord()).attempts;
  if (attempt === undefined) throw new Error("no attempt");
  const attempts = [
    refused === undefined ? attempt : { ...attempt, outcome: "error" as const, errorCode: refused },
  ];
  const callId = await keptCall({ asked: "Where?", answer: "Bern", finish: { attempts, ...finish } });
  const settled = await runAudit({
    env,
    projectId: "default",
    settings: settingsSchema.parse({}),
    now: Date.now,
    waitUntil: () => undefined,
    callId,
    task: TASK,
    tries: 1,
    addedAt: Date.now(),
  });
  if ("retryAt" in settled) throw new Error("it is to be tried again");
  return settled.outcome;
}

describe("an audit of a call that the small model was asked for", () => {
  it("is no loss where its answer was refused, and counts", async () => {
    const outcome = await audited({}, "verification_failed");
    expect(outcome).toMatchObject({
      answer: { kind: "rejected" },
      label: "fine",
      findings: ["verification_failed"],
    });
    expect(withAudit(TASK, outcome)).toMatchObject({ audits: 1 });
  });

  it("is no loss where it said nothing, and moves no canary on", async () => {
    for (const finish of [{}, { outcome: "error", servedBy: null }] as const) {
      const outcome = await audited(finish, "node_lost");
      expect(outcome).toMatchObject({ answer: { kind: "rejected" }, label: "fine", silent: true });
      expect(withAudit(TASK, outcome)).toMatchObject({ audits: 0 });
    }
  });

  it("is a loss where its answer broke off, or the client left in the middle of it", async () => {
    for (const outcome of ["error", "cancelled", "deadline"] as const)
      expect(await audited({ outcome, servedBy: "slm/small" })).toMatchObject({
        answer: { kind: "missing" },
        label: "missing",
      });
  });
});
