import { describe, expect, it } from "vitest";
import type { AttemptRecord } from "../../ledger/records.ts";
import type { Plan } from "../../routing/plan.ts";
import { ChoiceMemory } from "./choice-memory.ts";
import { chooseFirst } from "./choose-first.ts";

const HOUR = 3_600_000;
const PLAN: Plan = {
  attempts: [
    { kind: "node", nodeId: "n1", model: "small", speaks: "openai-chat", firstByteMs: 8_000, verified: true },
    { kind: "cloud", provider: "openai", model: "large", speaks: "openai-chat", firstByteMs: 60_000 },
  ],
  reason: "auto-node",
};
const CALL = { task: "extract", tools: "t1", conversation: "c1" };

const attempt = (over: Partial<AttemptRecord>): AttemptRecord => ({
  seq: 1,
  kind: "node",
  backend: "n1",
  model: "small",
  startedAt: 0,
  latencyMs: 400,
  firstByteMs: null,
  outcome: "done",
  status: 200,
  errorCode: null,
  usage: { inputTokens: 100, cachedInputTokens: 0, outputTokens: 20 },
  costUsd: null,
  ...over,
});
const REJECTED = attempt({ outcome: "error", errorCode: "verification_failed" });
const CLOUD = attempt({
  seq: 2,
  kind: "cloud",
  backend: "openai",
  model: "large",
  latencyMs: 900,
  costUsd: 0.0005,
});

function memoryOf(calls: { attempts: AttemptRecord[]; call?: typeof CALL; at?: number }[]): ChoiceMemory {
  const memory = new ChoiceMemory();
  for (const { attempts, call = CALL, at = 0 } of calls)
    memory.note({ projectId: "p", call, attempts, nodeUsd: 0, tokenPrices: () => null, at });
  return memory;
}

const reasonWith = (memory: ChoiceMemory, over: Partial<Parameters<typeof chooseFirst>[0]> = {}): string =>
  chooseFirst({
    plan: PLAN,
    projectId: "p",
    call: { ...CALL, conversation: "another" },
    memory,
    secondUsd: 0.0001,
    inTurn: false,
    at: 0,
    ...over,
  }).reason;

const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one);

describe("who is asked first", () => {
  it("is the node while nothing is known, or only one side of it", () => {
    expect(reasonWith(memoryOf([]))).toBe("auto-node");
    expect(reasonWith(memoryOf(times(100, { attempts: [REJECTED] })))).toBe("auto-node");
  });

  it("is the node where its answers are accepted, and where a few were not", () => {
    expect(reasonWith(memoryOf([...times(30, { attempts: [attempt({})] }), { attempts: [CLOUD] }]))).toBe(
      "auto-node",
    );
    expect(reasonWith(memoryOf(times(3, { attempts: [REJECTED, CLOUD] })))).toBe("auto-node");
  });

  it("is the cloud where they seldom are, with the node behind it", () => {
    const memory = memoryOf(times(100, { attempts: [REJECTED, CLOUD] }));
    const plan = chooseFirst({
      plan: PLAN,
      projectId: "p",
      call: { ...CALL, conversation: "another" },
      memory,
      secondUsd: 0.0001,
      inTurn: false,
      at: 0,
    });
    expect(plan.reason).toBe("auto-cloud:does_not_pay");
    expect(plan.attempts.map(({ kind }) => kind)).toEqual(["cloud", "node"]);
  });

  it("is the node again once that was long ago", () => {
    expect(reasonWith(memoryOf(times(100, { attempts: [REJECTED, CLOUD] })), { at: 12 * HOUR })).toBe(
      "auto-node",
    );
  });

  it("goes by the tools where the task is new, and by the project alone", () => {
    const memory = memoryOf(times(300, { attempts: [REJECTED, CLOUD] }));
    const call = { task: "new", tools: "t1", conversation: "x" };
    expect(reasonWith(memory, { call })).toBe("auto-cloud:does_not_pay");
    expect(reasonWith(memory, { call, projectId: "another" })).toBe("auto-node");
  });

  it("stays in a turn and in a conversation where it was", () => {
    const served = memoryOf([...times(30, { attempts: [attempt({})] }), { attempts: [CLOUD] }]);
    expect(reasonWith(served, { call: CALL, inTurn: true })).toBe("auto-cloud:does_not_pay");
    expect(reasonWith(served, { call: CALL })).toBe("auto-node");
    const onNode = memoryOf([
      ...times(300, { attempts: [REJECTED, CLOUD] }),
      { attempts: [attempt({})], call: { ...CALL, conversation: "c2" } },
    ]);
    expect(reasonWith(onNode, { call: { ...CALL, conversation: "c2" } })).toBe("auto-node");
  });

  it("takes no lost node and no caller who left for an answer that was not accepted", () => {
    const failures = ["node_lost", "cancelled"].flatMap((errorCode) =>
      times(100, { attempts: [attempt({ outcome: "error", errorCode }), CLOUD] }),
    );
    expect(reasonWith(memoryOf(failures))).toBe("auto-node");
  });
});
