import type { Call } from "../dialects/call.ts";
import type { Env } from "../env.ts";
import { draw } from "../routing/guarantee/lottery.ts";
import { splitKey } from "../routing/guarantee/split.ts";
import type { Plan } from "../routing/plan.ts";
import type { Target } from "../routing/target.ts";
import { isServed } from "../routing/task-serving.ts";
import { taskBook } from "../work/task-book.ts";
import type { CallEnd, CallSession } from "./call-session.ts";
import { type PlanOptions, planForTask } from "./plan-call.ts";

/** The words that a conversation began with; its side hangs on them where it has no name. */
function firstMessage(call: Call): string {
  try {
    const first = call.request?.().messages.find(({ role }) => role === "user");
    const text = first?.content.find((part) => part.type === "text");
    return text?.type === "text" ? text.text : "";
  } catch {
    return ""; // Without an internal form: nothing of it is looked at again either.
  }
}

const splitKeyOf = (session: CallSession, call: Call): string =>
  splitKey({ session: session.session, firstMessage: firstMessage(call) });

/** The plan of a call whose task small models answer; as it is for all others. */
export async function planWithTask(options: {
  planning: PlanOptions;
  plan: Plan;
  session: CallSession;
}): Promise<Plan> {
  const { planning, plan, session } = options;
  const { env, call, target, settings, caller } = planning;
  if (session.task === null || target.kind !== "llm" || call.request === null) return plan;
  // `x-routelet-route: llm` asks for the reference itself.
  if (session.route !== null || settings.conversion.collect === "off") return plan;
  const { projectId } = caller;
  const view = await taskBook.view({ env, projectId, taskId: session.task, now: session.now });
  if (view?.serving == null || !isServed(view.serving, splitKeyOf(session, call))) return plan;
  return planForTask(planning, plan, view.serving);
}

/** Tells of a call that has ended, where it may count for its task. */
export function observeCall(options: {
  env: Env;
  session: CallSession;
  call: Call;
  target: Target;
  end: CallEnd;
}): void {
  const { env, session, call, target, end } = options;
  const { settings, task, caller, record } = session;
  if (task === null || target.kind === "slm" || call.request === null) return;
  if (settings.conversion.collect === "off" || settings.content.store === "off") return;
  if (end.outcome !== "done" || end.servedBy === null || end.cached === true) return;
  const key = splitKeyOf(session, call);
  taskBook.observe({
    env,
    projectId: caller.projectId,
    call: {
      callId: record.id,
      taskId: task,
      splitKey: key,
      at: session.startedAt,
      human: caller.audience === "human",
      answeredBy: end.servedBy.startsWith("llm/") ? "reference" : target.kind === "llm" ? "slm" : "other",
    },
    drawn: ({ lottery }) => lottery !== null && draw(lottery, { id: record.id, splitKey: key }) !== null,
    waitUntil: session.waitUntil,
    now: session.now,
  });
}
