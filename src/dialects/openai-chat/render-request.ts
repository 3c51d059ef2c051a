import type { ModelRequest, ReasoningRequest, Tool, ToolChoice } from "../model-request.ts";
import { type ToolNames, toolNames } from "../tool-names.ts";
import { createCallIds } from "./call-ids.ts";
import { isOpenAiModel } from "./openai-models.ts";
import { renderMessages } from "./render-messages.ts";

/** Function names at OpenAI: `^[a-zA-Z0-9_-]{1,64}$`. */
const NAME_RULE = { forbidden: /[^a-zA-Z0-9_-]/, max: 64 };

/** The names under which this request's tools are known to an OpenAI chat backend. */
export function chatToolNames(request: ModelRequest): ToolNames {
  return toolNames(request, NAME_RULE);
}

function renderTool(tool: Tool, names: ToolNames): object {
  return {
    type: "function",
    function: {
      name: names.toBackend(tool.name),
      ...(tool.description === null ? {} : { description: tool.description }),
      parameters: tool.parameters ?? { type: "object", properties: {} },
      ...(tool.strict === null ? {} : { strict: tool.strict }),
    },
  };
}

/** Tools and the choice among them. `allowed_tools` is OpenAI's own; elsewhere the tools are those that are allowed. */
function renderTools(request: ModelRequest, names: ToolNames, own: boolean): Record<string, unknown> {
  const { toolChoice: choice } = request;
  const allowed = choice?.type === "allowed" && !own ? choice : null;
  const tools = request.tools.filter(({ name }) => allowed === null || allowed.names.includes(name));
  if (tools.length === 0) return {};
  const chosen = allowed === null ? choice : { type: allowed.mode };
  return {
    tools: tools.map((tool) => renderTool(tool, names)),
    tool_choice: chosen === null ? null : renderToolChoice(chosen, names),
    parallel_tool_calls: request.parallelToolCalls,
  };
}

function renderToolChoice(choice: ToolChoice, names: ToolNames): unknown {
  const named = (name: string) => ({ type: "function", function: { name: names.toBackend(name) } });
  switch (choice.type) {
    case "tool":
      return named(choice.name);
    case "allowed":
      return {
        type: "allowed_tools",
        allowed_tools: { mode: choice.mode, tools: choice.names.map(named) },
      };
    default:
      return choice.type;
  }
}

/** Anthropic's budgets as OpenAI's efforts: its guide calls 1,024 the least, and 16,000 and more deep. */
function effortOf({ effort, budgetTokens }: ReasoningRequest): string | null {
  if (effort !== null) return effort;
  if (budgetTokens === null) return null;
  if (budgetTokens < 4_096) return "low";
  return budgetTokens < 16_000 ? "medium" : "high";
}

/** `standard_only` is Anthropic's word for no priority capacity. */
const tierOf = (tier: string): string => (tier === "standard_only" ? "default" : tier);

function renderFormat(format: NonNullable<ModelRequest["format"]>): object {
  if (format.type === "json_object") return { type: "json_object" };
  const { name, description, schema, strict } = format;
  return {
    type: "json_schema",
    json_schema: {
      name,
      ...(description === null ? {} : { description }),
      schema,
      ...(strict === null ? {} : { strict }),
    },
  };
}

/**
 * The body of `POST /chat/completions` for a request that came in another dialect. `metadata` stays with the gateway:
 * OpenAI takes it only for completions that it stores itself.
 */
export function renderChatRequest(
  request: ModelRequest,
  { model, stream }: { model: string; stream: boolean },
): string {
  const own = isOpenAiModel(model);
  const names = chatToolNames(request);
  const effort = request.reasoning === null ? null : effortOf(request.reasoning);
  const fields: Record<string, unknown> = {
    model,
    messages: renderMessages(request.messages, {
      names,
      callId: createCallIds(),
      ownModel: own,
    }),
    stream: stream ? true : null,
    stream_options: stream ? { include_usage: true } : null,
    [own ? "max_completion_tokens" : "max_tokens"]: request.maxTokens,
    temperature: request.temperature,
    top_p: request.topP,
    top_k: request.topK,
    stop: request.stop.length > 0 ? request.stop : null,
    seed: request.seed,
    n: request.n,
    presence_penalty: request.presencePenalty,
    frequency_penalty: request.frequencyPenalty,
    logit_bias: request.logitBias,
    logprobs: request.logprobs ? true : null,
    top_logprobs: request.topLogprobs,
    ...renderTools(request, names, own),
    response_format: request.format === null ? null : renderFormat(request.format),
    reasoning_effort: effort,
    verbosity: request.verbosity,
    service_tier: request.serviceTier === null ? null : tierOf(request.serviceTier),
    user: request.user,
    prediction: request.prediction,
    prompt_cache_key: request.promptCacheKey,
  };
  return JSON.stringify(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)));
}
