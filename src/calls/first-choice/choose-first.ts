import type { Plan } from "../../routing/plan.ts";
import { firstChoice } from "../../routing/quality/first-choice.ts";
import { servedByOf } from "../attempt-log.ts";
import type { ChoiceCall, ChoiceMemory } from "./choice-memory.ts";

/**
 * A plan for `auto` with the cloud in front where the node's answer is so seldom accepted that asking for it costs more than
 * it saves (`src/routing/quality/expected-cost.ts`); as it is where too little is known of either.
 */
export function chooseFirst(options: {
  plan: Plan;
  projectId: string;
  call: ChoiceCall;
  memory: ChoiceMemory;
  /** What a second of waiting is worth, in US dollars. */
  secondUsd: number;
  /** The last message is a tool's result. */
  inTurn: boolean;
  at: number;
}): Plan {
  const { plan, projectId, call, memory, secondUsd, inTurn, at } = options;
  const [first] = plan.attempts;
  const cloud = plan.attempts.find(({ kind }) => kind === "cloud");
  if (first?.kind !== "node" || cloud === undefined) return plan;
  const costs = [first, cloud].map((attempt) => memory.cost(projectId, call.task, servedByOf(attempt)));
  const [slm, reference] = costs;
  if (slm == null || reference == null) return plan;
  const { slmFirst } = firstChoice({
    call: { task: call.task, tools: call.tools, text: "" },
    slm: { id: first.model, cost: slm },
    reference: { id: cloud.model, cost: reference },
    book: { ...memory.book(projectId), rightness: new Map() },
    secondUsd,
    wrongUsd: 0,
    standing: memory.standing(projectId, call.conversation),
    inTurn,
    at,
  });
  if (slmFirst) return plan;
  const nodes = plan.attempts.filter(({ kind }) => kind === "node");
  const others = plan.attempts.filter(({ kind }) => kind !== "node");
  return { attempts: [...others, ...nodes], reason: "auto-cloud:does_not_pay" };
}
