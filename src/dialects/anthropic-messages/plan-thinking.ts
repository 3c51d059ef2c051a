import type { Problem } from "../dialect.ts";
import type { Json } from "../json.ts";
import type { Message, ModelRequest, ReasoningRequest } from "../model-request.ts";
import type { ModelProfile } from "./model-profile.ts";
import { mayBeGenuine } from "./signatures.ts";

/** How a request's reasoning is asked for. */
export interface ThinkingPlan {
  thinking: Json | null;
  effort: string | null;
  /** Whether the model is told to think, and so refuses what does not go with it. */
  on: boolean;
}

const NOTHING: ThinkingPlan = { thinking: null, effort: null, on: false };

/** The least budget that the API takes. */
const LEAST_BUDGET = 1_024;

/** OpenAI's efforts as budgets, for models that have no efforts. More than 32,000 is what Anthropic advises batches for. */
const BUDGET_OF: Record<string, number> = {
  minimal: LEAST_BUDGET,
  low: 2_048,
  medium: 8_192,
  high: 24_000,
  xhigh: 32_000,
  max: 32_000,
};

/** Of `max_tokens`, which thinking is a part of, this much at most: the rest is for the answer. */
const BUDGET_SHARE = 0.8;

function effortOf({ effort, budgetTokens }: ReasoningRequest): string | null {
  if (effort !== null) return effort;
  if (budgetTokens === null) return null;
  if (budgetTokens < 4_096) return "low";
  return budgetTokens < 16_000 ? "medium" : "high";
}

/** A level that the model has: `minimal` is its lowest, and what goes beyond its scale ends below `max`, which costs most. */
function levelOf(effort: string, efforts: readonly string[]): string | null {
  if (efforts.includes(effort)) return effort;
  if (effort === "minimal") return "low";
  return effort === "xhigh" ? "high" : null;
}

const isSigned = (message: Message): boolean =>
  message.role === "assistant" &&
  message.content.some(
    (part) =>
      part.type === "reasoning" &&
      part.origin === "anthropic-messages" &&
      (mayBeGenuine(part.signature) || part.redacted !== null),
  );

/**
 * In the middle of a tool loop a model with a budget demands the thinking that led to the calls. Clients of other
 * dialects do not keep it; the loop then goes on without thinking, which is what Anthropic's newer models do by themselves.
 */
function loopHasLostThinking(messages: readonly Message[]): boolean {
  if (messages.at(-1)?.role !== "tool") return false;
  const caller = messages.findLast(({ role }) => role === "assistant");
  return caller !== undefined && !isSigned(caller);
}

const problem = (message: string): Problem => ({ param: "reasoning_effort", message });

function planBudget(
  reasoning: ReasoningRequest,
  options: { request: ModelRequest; maxTokens: number },
): ThinkingPlan | Problem {
  const { request, maxTokens } = options;
  const wanted = reasoning.budgetTokens ?? BUDGET_OF[reasoning.effort ?? ""] ?? null;
  if (wanted === null)
    return reasoning.effort === null
      ? NOTHING
      : problem("The model's backend knows no such `reasoning_effort`. Send minimal, low, medium or high.");
  if (maxTokens <= LEAST_BUDGET)
    return problem(
      `The model thinks with at least ${LEAST_BUDGET} tokens, which are a part of \`max_tokens\`. Raise \`max_tokens\` or leave \`reasoning_effort\` out.`,
    );
  if (loopHasLostThinking(request.messages)) return NOTHING;
  const room = Math.max(LEAST_BUDGET, Math.floor(maxTokens * BUDGET_SHARE));
  const budget = Math.min(Math.max(LEAST_BUDGET, wanted), room);
  return { thinking: { type: "enabled", budget_tokens: budget }, effort: null, on: true };
}

/** How the caller's reasoning is worded for a model, or why it cannot be. */
export function planThinking(
  request: ModelRequest,
  options: { profile: ModelProfile; maxTokens: number },
): ThinkingPlan | Problem {
  const { reasoning } = request;
  const { profile } = options;
  if (reasoning === null) return NOTHING;
  const effort = effortOf(reasoning);
  if (effort === null) return NOTHING;
  if (effort === "none") {
    if (profile.thinkingOff === null)
      return problem("The model always thinks. Leave `reasoning_effort` out, or send low.");
    return profile.thinkingOff === "omit"
      ? NOTHING
      : { thinking: { type: profile.thinkingOff }, effort: null, on: false };
  }
  if (profile.thinking === "none")
    return problem("The model does not think. Leave `reasoning_effort` out, or choose a model that does.");
  if (profile.thinking === "budget") return planBudget(reasoning, { request, maxTokens: options.maxTokens });
  const level = levelOf(effort, profile.efforts);
  if (level === null)
    return problem("The model's backend knows no such `reasoning_effort`. Send low, medium or high.");
  // Models hide their thinking unless it is asked for.
  const display = reasoning.summary === null ? {} : { display: "summarized" };
  return { thinking: { type: "adaptive", ...display }, effort: level, on: true };
}

export const isProblem = (value: object | null): value is Problem => value !== null && "param" in value;
