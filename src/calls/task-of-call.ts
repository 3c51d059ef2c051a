import type { Call } from "../dialects/call.ts";
import type { Env } from "../env.ts";
import { inputTokenPrices } from "../ledger/pricing.ts";
import { draw } from "../routing/guarantee/lottery.ts";
import type { Plan } from "../routing/plan.ts";
import type { Target } from "../routing/target.ts";
import { taskKeyOf } from "../routing/task/task-key.ts";
import { isServed } from "../routing/task-serving.ts";
import { nameOf, taskBook } from "../work/task-book.ts";
import type { ObservedCall } from "../work/work.ts";
import type { CallSession } from "./call-session.ts";
import { callShapeOf } from "./call-shape.ts";
import { type ChoiceCall, choiceMemory } from "./first-choice/choice-memory.ts";
import { chooseFirst } from "./first-choice/choose-first.ts";
import { internalForm } from "./internal-form.ts";
import { type PlanOptions, planForTask } from "./plan-call.ts";
import { splitKeyOf } from "./split-key.ts";

/** A call that may count for its task. */
interface TaskCall {
  task: ObservedCall["task"];
  splitKey: string;
  /** What a certificate is about: only such calls are drawn, and only such are answered by the task's small model. */
  covered: boolean;
  /** A tool's result is its last message: the turn before goes on. */
  inTurn: boolean;
}

/**
 * What a call's task is known by: the name that its caller gives, else what its prompt, tools and format have in common with
 * other calls. Null for a call that is no part of any conversion: content that stays on nodes, content that is not kept.
 */
export function taskOf(options: { session: CallSession; call: Call; target: Target }): TaskCall | null {
  const { session, call, target } = options;
  const { conversion, content, ledger } = session.settings;
  if (target.kind === "slm" || conversion.collect === "off") return null;
  if (content.store === "off" || !ledger.record) return null;
  const request = internalForm(call);
  if (request === null) return null;
  const key = splitKeyOf(session.session, request);
  const common = {
    splitKey: key,
    inTurn: request.messages.at(-1)?.role === "tool",
    // `x-routelet-route` chooses a backend itself, people are only observed, and of several answers one would be judged.
    covered:
      target.kind === "llm" &&
      session.route === null &&
      session.caller.audience !== "human" &&
      (request.n ?? 1) === 1,
  };
  if (session.task !== null) return { task: { name: session.task }, ...common };
  const { key: name, group, skeleton } = taskKeyOf(callShapeOf(request));
  return { task: { key: name, group, skeleton: [...skeleton] }, ...common };
}

/** The plan of a call whose task small models answer; as it is for all others. Names the task in `session`. */
export async function planWithTask(options: {
  planning: PlanOptions;
  plan: Plan;
  session: CallSession;
  task: TaskCall | null;
}): Promise<Plan> {
  const { planning, plan, session, task } = options;
  if (task === null) return plan;
  const { target, caller, settings } = planning;
  const view = taskBook.view({ projectId: caller.projectId, task: nameOf(task), now: session.startedAt });
  session.task = view?.id ?? nameOf(task);
  if (target.kind === "auto" && settings.routing.byCost)
    return chooseFirst({
      plan,
      projectId: caller.projectId,
      call: choiceCallOf(session, task),
      memory: choiceMemory,
      secondUsd: settings.routing.secondUsd,
      inTurn: task.inTurn,
      at: session.startedAt,
    });
  if (!task.covered || view?.serving == null || !isServed(view.serving, task.splitKey)) return plan;
  return planForTask(planning, plan, view.serving);
}

function choiceCallOf(session: CallSession, task: TaskCall): ChoiceCall {
  const tools = "group" in task.task ? task.task.group : null;
  return { task: session.task ?? nameOf(task), tools, conversation: task.splitKey };
}

/** Remembers what came of asking a node first, whatever the end was. */
export function rememberChoice(options: {
  session: CallSession;
  task: TaskCall | null;
  target: Target;
}): void {
  const { session, task, target } = options;
  if (task === null || target.kind !== "auto") return;
  const { settings, caller } = session;
  choiceMemory.note({
    projectId: caller.projectId,
    call: choiceCallOf(session, task),
    attempts: session.logs.map((log) => log.record()),
    nodeUsd: settings.conversion.nodeUsdPerMillionTokens / 1_000_000,
    tokenPrices: ({ backend, model }) =>
      inputTokenPrices({ provider: backend, model, at: session.startedAt, prices: settings.prices }),
    at: session.startedAt,
  });
}

/** Tells of a call of a task that has ended, however it did. */
export function observeCall(options: { env: Env; session: CallSession; task: TaskCall | null }): void {
  const { env, session, task } = options;
  const { caller, record } = session;
  if (task === null) return;
  const { splitKey: side, covered } = task;
  // Where a cloud model was asked for, the task's stage alone asks a node.
  const askedSlm = covered && session.logs.some(({ planned }) => planned.kind === "node");
  taskBook.observe({
    env,
    projectId: caller.projectId,
    call: {
      callId: record.id,
      task: task.task,
      splitKey: side,
      at: session.startedAt,
      human: caller.audience === "human",
      covered,
      askedSlm,
    },
    drawn: ({ lottery, serving }) =>
      covered &&
      lottery !== null &&
      (serving === null || askedSlm) &&
      draw(lottery, { id: record.id, splitKey: side }) !== null,
    waitUntil: session.waitUntil,
    now: session.now,
  });
}
