import { expect, it } from "vitest";
import type { Env } from "../env.ts";
import type { Plan } from "../routing/plan.ts";
import { settingsSchema } from "../settings.ts";
import type { TaskView } from "../work/task-view.ts";
import type { ObservedCall } from "../work/work.ts";
import type { CallSession } from "./call-session.ts";
import type { PlanOptions } from "./plan-call.ts";
import { observeCall, planWithTask } from "./task-of-call.ts";

const SERVED: TaskView = {
  id: "t",
  lottery: { id: "l", seed: "s", share: 1 },
  serving: { model: "small", fingerprint: "sf1_m", share: 1, threshold: 0 },
};
const PLAN: Plan = { attempts: [], reason: "cloud" };
const TASK = { task: { name: "t" }, splitKey: "s", inTurn: false };

/** An isolate, and the objects behind it: all that its calls are told of is kept. */
function setUp(projectId: string) {
  const told: ObservedCall[] = [];
  const waits: Promise<unknown>[] = [];
  const work = {
    observe: async (_projectId: string, calls: ObservedCall[]) => {
      told.push(...calls);
      return calls.map(() => SERVED);
    },
  };
  const fleet = { asked: 0 };
  const askFleet = () => {
    fleet.asked += 1;
    throw new Error("there is none");
  };
  const env = { WORK: { getByName: () => work }, FLEET: { getByName: askFleet } } as unknown as Env;
  const caller = { projectId, keyId: "k", audience: "agent" };
  const settings = settingsSchema.parse({});
  const session = (kinds: readonly string[] = []): CallSession =>
    ({
      caller,
      settings,
      record: { id: `call ${told.length}` },
      startedAt: 1_000,
      logs: kinds.map((kind) => ({ planned: { kind } })),
      task: null,
      route: null,
      waitUntil: (wait: Promise<unknown>) => void waits.push(wait),
      now: () => 1_000,
    }) as unknown as CallSession;
  const tell = async (covered: boolean, kinds: readonly string[] = []) => {
    observeCall({ env, session: session(kinds), task: { ...TASK, covered } });
    await Promise.all(waits);
  };
  const plan = (covered: boolean) => {
    const target = { kind: "llm", reference: "m" };
    const call = { dialect: "openai-chat", text: "{}", needs: {} };
    const waitUntil = () => undefined;
    const clientHeaders = new Headers();
    const asks = { call, target, session: null, clientHeaders };
    const planning = { env, caller, settings, ...asks, now: 1_000, waitUntil };
    return planWithTask({
      planning: planning as unknown as PlanOptions,
      plan: PLAN,
      session: session(),
      task: { ...TASK, covered },
    });
  };
  return { told, tell, plan, fleet };
}

it("what is told of a call says whether its task's small model was asked, whoever answered in the end", async () => {
  const { told, tell } = setUp("told");
  await tell(true, ["node", "cloud"]);
  await tell(true, ["node"]);
  await tell(true, ["cloud"]);
  // By the cloud alone, outside the served share: no audit, and nothing to tell before the view is old.
  expect(told.map(({ covered, askedSlm }) => ({ covered, askedSlm }))).toEqual([
    { covered: true, askedSlm: true },
    { covered: true, askedSlm: true },
  ]);
});

it("a node that such a call would not have been certified for says nothing of the task's small model", async () => {
  const { told, tell } = setUp("other");
  await tell(false, ["node", "cloud"]);
  expect(told).toMatchObject([{ covered: false, askedSlm: false }]);
});

it("only calls that the certificate is about are planned with the small model", async () => {
  const { tell, plan, fleet } = setUp("planned");
  await tell(true);
  expect(await plan(false)).toBe(PLAN);
  expect(fleet.asked).toBe(0);
  // Without a node the reference answers.
  expect(await plan(true)).toBe(PLAN);
  expect(fleet.asked).toBe(1);
});
