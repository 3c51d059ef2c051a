import { applyD1Migrations, env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newCallId } from "../ledger/call-id.ts";
import { keepFeedback } from "../ledger/feedback/feedback-store.ts";
import { startDetector } from "../routing/guarantee/drift-detector.ts";
import { splitKey } from "../routing/guarantee/split.ts";
import { keptCall } from "./fixtures/kept-call.ts";
import { sealAnswer } from "./sealed-answer.ts";
import type { DrawOutcome, DrawRecord, Task } from "./task.ts";
import { TaskStore } from "./task-store.ts";
import { newTask } from "./task-view.ts";

beforeAll(() => applyD1Migrations(env.DB, env.TEST_MIGRATIONS));

const SMALL = "slm/small";
const PROJECT = "default";
let count = 0;
let stub = env.WORK.getByName("feedback-0");
beforeEach(() => {
  stub = env.WORK.getByName(`feedback-${++count}`);
});

const outcome = (more: Partial<DrawOutcome> = {}): DrawOutcome => ({
  candidate: "small",
  fingerprint: "sf1_small",
  basis: "whole",
  answer: { kind: "scored", score: 0.9, basis: "whole" },
  label: "wrong",
  by: "text",
  findings: [],
  latencyMs: 10,
  slmTokens: null,
  referenceTokens: null,
  ...more,
});

/** Works in the object's own store. */
const inStore = <T>(work: (store: TaskStore) => T): Promise<T> =>
  runInDurableObject(stub, (_instance, state) => work(new TaskStore(state.storage.sql)));

interface Drawn {
  kind?: DrawRecord["kind"];
  /** What the client was given, and what nobody was. */
  given?: string;
  unseen?: string;
  settled?: DrawOutcome | null;
  task?: Partial<Task>;
  session?: string;
}

/** A drawn call: `Bern` was given, and `Basel` was what nobody saw. */
async function drawn(options: Drawn = {}): Promise<string> {
  const { kind = "shadow", given = "Bern", unseen = "Basel", session = null } = options;
  const servedBy = kind === "audit" ? SMALL : "llm/openai/gpt-5-mini";
  const callId = await keptCall({ asked: "Where?", answer: given, servedBy, start: { session } });
  const answer = { text: unseen, refusal: null, calls: [], finish: "complete" } as const;
  const sealed = await sealAnswer({ env, projectId: PROJECT, callId, answer });
  await inStore((store) => {
    store.setNote("project", PROJECT);
    const known = store.task("t") ?? newTask("t", 0);
    store.put({
      ...known,
      stage: { mode: kind === "audit" ? "promoted" : "shadow", share: 0 },
      ...options.task,
    });
    store.addDraw({
      callId,
      taskId: "t",
      kind,
      lotteryId: "w",
      share: 1,
      splitKey: splitKey({ session, firstMessage: "Where?" }),
      at: 10,
      outcome: options.settled === undefined ? outcome() : options.settled,
    });
    if (sealed !== null) store.keepUnseen(callId, sealed);
  });
  return callId;
}

let minute = 1;

/** What `POST /v1/feedback` does behind its checks. */
async function say(
  about: { call: string } | { run: string },
  said: { score?: number; corrected?: unknown; key?: string },
): Promise<void> {
  const { score = null, corrected, key = "env" } = said;
  const content = corrected === undefined ? null : { corrected };
  await keepFeedback({
    env,
    projectId: PROJECT,
    keyId: key,
    target: about,
    at: minute++,
    score,
    content,
  });
  await stub.feedback(about);
  await runDurableObjectAlarm(stub);
}

const drawOf = (callId: string) => inStore((store) => store.drawOf(callId));

const AUDITED: Partial<Task> = {
  detector: startDetector({ epsilon: 0.05, alarmRate: 0.001 }),
  watchedFrom: 0,
  certification: { windowId: "before", threshold: 0 } as Task["certification"],
};

describe("feedback on a drawn call", () => {
  it("corrects its label, and keeps what comparing said beside it", async () => {
    const callId = await drawn();
    await say({ call: callId }, { score: 0 });
    // The reference was wrong: what differs from it is no loss.
    expect(await drawOf(callId)).toMatchObject({
      outcome: { label: "fine", by: "feedback", matched: { label: "wrong", by: "text" } },
      feedback: { state: "counted", score: 0, corrected: false },
    });
  });

  it("holds both answers against a corrected one", async () => {
    const [small, large, neither] = [await drawn(), await drawn(), await drawn()];
    await say({ call: small }, { corrected: "basel." });
    await say({ call: large }, { corrected: { role: "assistant", content: "Bern" } });
    await say({ call: neither }, { corrected: "Thun" });
    expect(await drawOf(small)).toMatchObject({ outcome: { label: "fine", by: "feedback" } });
    expect(await drawOf(large)).toMatchObject({ outcome: { label: "wrong", by: "feedback" } });
    expect(await drawOf(neither)).toMatchObject({ outcome: { label: "fine", by: "feedback" } });
  });

  it("said last counts, as if it had been said alone", async () => {
    const callId = await drawn();
    await say({ call: callId }, { score: 0 });
    await say({ call: callId }, { score: 1 });
    const record = await drawOf(callId);
    expect(record).toMatchObject({ outcome: { label: "wrong", by: "text" }, feedback: { score: 1 } });
    expect(record?.outcome).not.toHaveProperty("matched");
    await say({ call: callId }, { score: 0.2, key: "key_other" });
    expect(await drawOf(callId)).toMatchObject({ outcome: { label: "fine" }, feedback: { score: 0.2 } });
  });

  it("goes by the setting's threshold: 0.5 is right", async () => {
    const callId = await drawn();
    await say({ call: callId }, { score: 0.5 });
    expect(await drawOf(callId)).toMatchObject({ outcome: { label: "wrong", by: "text" } });
  });

  it("that comes before the draw is settled waits for it", async () => {
    const callId = await drawn({ settled: null });
    await say({ call: callId }, { score: 0 });
    expect(await drawOf(callId)).toMatchObject({ outcome: null, feedback: { state: "pending" } });
  });

  it("adds no call: one that was not drawn stays so", async () => {
    await drawn();
    const other = await keptCall({ asked: "Where?", answer: "Bern" });
    await say({ call: other }, { score: 0 });
    expect(await drawOf(other)).toBeNull();
    expect(await inStore((store) => store.draws("t").length)).toBe(1);
    // What is old and unknown is not even looked for.
    const old = newCallId({ now: Date.now() - 3_600_000, env: {} });
    const before = await stub.waiting();
    await stub.feedback({ call: old });
    expect(await stub.waiting()).toBe(before);
  });

  it("changes nothing once the window that holds it was decided", async () => {
    const decided = { windowId: "w", threshold: 0.5 } as Task["certification"];
    const callId = await drawn({ task: { certification: decided } });
    await say({ call: callId }, { score: 0 });
    expect(await drawOf(callId)).toMatchObject({
      outcome: { label: "wrong", by: "text" },
      feedback: { state: "frozen", score: 0 },
    });
  });
});

describe("feedback on an audited call", () => {
  it("is about the small model's answer, and the watch goes by it", async () => {
    const callId = await drawn({ kind: "audit", task: AUDITED });
    await say({ call: callId }, { score: 0 });
    const wealth = () => inStore((store) => store.task("t")?.detector?.won[0] ?? 0);
    const lost = await wealth();
    expect(await drawOf(callId)).toMatchObject({ outcome: { label: "wrong", by: "feedback" } });
    await say({ call: callId }, { score: 1 });
    expect(await drawOf(callId)).toMatchObject({ outcome: { label: "fine", by: "feedback" } });
    expect(await wealth()).toBeLessThan(lost);
  });

  it("from before its watch changes nothing", async () => {
    const callId = await drawn({ kind: "audit", task: { ...AUDITED, watchedFrom: 20 } });
    await say({ call: callId }, { score: 1 });
    expect(await drawOf(callId)).toMatchObject({
      outcome: { label: "wrong" },
      feedback: { state: "frozen" },
    });
  });

  it("of a run that went well counts for each of its calls, and of one that failed for none", async () => {
    const calls = [
      await drawn({ kind: "audit", task: AUDITED, session: "run 1" }),
      await drawn({ kind: "audit", session: "run 1" }),
      await drawn({ kind: "audit", session: "run 2" }),
    ];
    const labels = async () =>
      Promise.all(calls.map(async (callId) => (await drawOf(callId))?.outcome?.label));
    await say({ run: "run 2" }, { score: 0 });
    expect(await labels()).toEqual(["wrong", "wrong", "wrong"]);
    await say({ run: "run 1" }, { score: 1 });
    expect(await labels()).toEqual(["fine", "fine", "wrong"]);
  });
});

it("an answer that nobody was given is stored without its words in the clear", async () => {
  await drawn({ unseen: "canary-7731" });
  const rows = await runInDurableObject(stub, (_instance, state) => {
    const all = state.storage.sql.exec("SELECT * FROM unseen_answers").toArray();
    const draws = state.storage.sql.exec("SELECT * FROM draws").toArray();
    return JSON.stringify([...all, ...draws], (_key, value) =>
      value instanceof ArrayBuffer ? new TextDecoder().decode(value) : value,
    );
  });
  expect(rows).toContain("ciphertext");
  expect(rows).not.toContain("canary");
});
