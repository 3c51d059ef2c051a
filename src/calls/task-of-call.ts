import type { Call } from "../dialects/call.ts";
import type { Env } from "../env.ts";
import { draw } from "../routing/guarantee/lottery.ts";
import type { Plan } from "../routing/plan.ts";
import type { Target } from "../routing/target.ts";
import { taskKeyOf } from "../routing/task/task-key.ts";
import { isServed } from "../routing/task-serving.ts";
import { nameOf, taskBook } from "../work/task-book.ts";
import type { ObservedCall } from "../work/work.ts";
import type { CallEnd, CallSession } from "./call-session.ts";
import { callShapeOf } from "./call-shape.ts";
import { internalForm } from "./internal-form.ts";
import { type PlanOptions, planForTask } from "./plan-call.ts";
import { splitKeyOf } from "./split-key.ts";

/** A call that may count for its task. */
interface TaskCall {
  task: ObservedCall["task"];
  splitKey: string;
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
  if (session.task !== null) return { task: { name: session.task }, splitKey: key };
  const { key: name, group, skeleton } = taskKeyOf(callShapeOf(request));
  return { task: { key: name, group, skeleton: [...skeleton] }, splitKey: key };
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
  const { target, caller } = planning;
  const view = taskBook.view(caller.projectId, nameOf(task));
  session.task = view?.id ?? nameOf(task);
  // `x-routelet-route: llm` asks for the reference itself.
  if (target.kind !== "llm" || session.route !== null) return plan;
  if (view?.serving == null || !isServed(view.serving, task.splitKey)) return plan;
  return planForTask(planning, plan, view.serving);
}

/** Tells of a call that has ended, where it counts for its task. */
export function observeCall(options: {
  env: Env;
  session: CallSession;
  task: TaskCall | null;
  target: Target;
  end: CallEnd;
}): void {
  const { env, session, task, target, end } = options;
  const { caller, record } = session;
  if (task === null || end.outcome !== "done" || end.servedBy === null || end.cached === true) return;
  const { splitKey: side } = task;
  taskBook.observe({
    env,
    projectId: caller.projectId,
    call: {
      callId: record.id,
      task: task.task,
      splitKey: side,
      at: session.startedAt,
      human: caller.audience === "human",
      answeredBy: end.servedBy.startsWith("llm/") ? "reference" : target.kind === "llm" ? "slm" : "other",
    },
    drawn: ({ lottery }) => lottery !== null && draw(lottery, { id: record.id, splitKey: side }) !== null,
    waitUntil: session.waitUntil,
    now: session.now,
  });
}
