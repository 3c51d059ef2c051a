import type { Json } from "../json.ts";
import type { ModelRequest, Tool } from "../model-request.ts";
import { estimateInputTokens } from "./count-tokens.ts";
import { type ModelProfile, modelProfile } from "./model-profile.ts";
import { OUTPUT_TOOL, planFormat } from "./plan-format.ts";
import { isProblem, planThinking } from "./plan-thinking.ts";
import type { RequestNames } from "./render-content.ts";
import { renderMessages } from "./render-messages.ts";
import { requestNames } from "./request-names.ts";

/** What an estimate may be short of the truth, for models that refuse what does not fit. */
const ESTIMATE_MARGIN = 1.3;
const LEAST_OUTPUT = 1_024;

/** `max_tokens`, which this dialect demands: the caller's, or as much as the model writes and its window holds. */
export function maxTokensOf(request: ModelRequest, { maxOutput, strictWindow }: ModelProfile): number {
  if (request.maxTokens !== null) return request.maxTokens;
  if (strictWindow === null) return maxOutput;
  const room = strictWindow - Math.ceil(estimateInputTokens(request) * ESTIMATE_MARGIN);
  return Math.max(LEAST_OUTPUT, Math.min(maxOutput, room));
}

function inputSchema(parameters: Tool["parameters"]): Json {
  if (parameters === null) return { type: "object", properties: {} };
  return parameters.type === undefined ? { type: "object", ...parameters } : parameters;
}

function renderTool(tool: Tool, names: RequestNames): Json {
  return {
    name: names.tools.toBackend(tool.name),
    ...(tool.description === null ? {} : { description: tool.description }),
    input_schema: inputSchema(tool.parameters),
    ...(tool.strict === true ? { strict: true } : {}),
    ...(tool.cacheControl == null ? {} : { cache_control: tool.cacheControl }),
  };
}

/** The tools that a conversation without tools has once had: the API wants the ones that its turns name to be defined. */
function pastTools(request: ModelRequest, names: RequestNames): Json[] {
  const called = request.messages.flatMap((message) =>
    message.role === "assistant"
      ? message.content.flatMap((part) => (part.type === "tool_call" ? [part.name] : []))
      : [],
  );
  return [...new Set(called)].map((name) => ({
    name: names.tools.toBackend(name),
    input_schema: { type: "object", properties: {} },
  }));
}

function renderToolChoice(request: ModelRequest, names: RequestNames): Json | null {
  const { toolChoice, parallelToolCalls } = request;
  const single = parallelToolCalls === false ? { disable_parallel_tool_use: true } : {};
  switch (toolChoice?.type) {
    case undefined:
      return parallelToolCalls === false ? { type: "auto", ...single } : null;
    case "none":
      return { type: "none" };
    case "auto":
      return { type: "auto", ...single };
    case "required":
      return { type: "any", ...single };
    case "tool":
      return { type: "tool", name: names.tools.toBackend(toolChoice.name), ...single };
    case "allowed":
      return { type: toolChoice.mode === "required" ? "any" : "auto", ...single };
  }
}

function renderTools(request: ModelRequest, names: RequestNames): Json {
  const { toolChoice } = request;
  if (request.tools.length === 0) {
    const past = pastTools(request, names);
    return past.length === 0 ? {} : { tools: past, tool_choice: { type: "none" } };
  }
  const offered =
    toolChoice?.type === "allowed"
      ? request.tools.filter(({ name }) => toolChoice.names.includes(name))
      : request.tools;
  const choice = renderToolChoice(request, names);
  return {
    tools: offered.map((tool) => renderTool(tool, names)),
    ...(choice === null ? {} : { tool_choice: choice }),
  };
}

/** `temperature` and `top_p` at 1 are every model's own; newer ones take no other, and some not both. */
function renderSampling(request: ModelRequest, profile: ModelProfile): Json {
  const drop = (value: number | null): boolean =>
    value === null || (value === 1 && profile.sampling !== "free");
  return {
    ...(drop(request.temperature) ? {} : { temperature: request.temperature }),
    ...(drop(request.topP) ? {} : { top_p: request.topP }),
    ...(request.topK === null ? {} : { top_k: request.topK }),
  };
}

/** OpenAI's tiers: `priority` is what `auto` uses where the account has it. */
export const TIERS: Record<string, string> = {
  auto: "auto",
  priority: "auto",
  default: "standard_only",
  standard_only: "standard_only",
};

/**
 * The body of `POST /v1/messages` for a request that came in another dialect. What a model cannot have is found by
 * `problems` before; `metadata` and `prompt_cache_key` stay with the gateway, since they change no reply.
 */
export function renderMessagesRequest(
  request: ModelRequest,
  { model, stream }: { model: string; stream: boolean },
): string {
  const profile = modelProfile(model);
  const names = requestNames(request);
  const maxTokens = maxTokensOf(request, profile);
  const planned = planThinking(request, { profile, maxTokens });
  const thinking = isProblem(planned) ? { thinking: null, effort: null, on: false } : planned;
  const plannedFormat = planFormat(request, { profile, thinks: thinking.on });
  const format = isProblem(plannedFormat) ? null : plannedFormat;
  const { system, messages } = renderMessages(request.messages, { names, midSystem: profile.midSystem });
  const tier = TIERS[request.serviceTier ?? ""];
  const outputConfig = {
    ...(thinking.effort === null ? {} : { effort: thinking.effort }),
    ...(format !== null && "schema" in format
      ? { format: { type: "json_schema", schema: format.schema } }
      : {}),
  };
  return JSON.stringify({
    model,
    max_tokens: maxTokens,
    ...(system.length === 0 ? {} : { system }),
    messages,
    ...(format !== null && "tool" in format
      ? { tools: [format.tool], tool_choice: { type: "tool", name: OUTPUT_TOOL } }
      : renderTools(request, names)),
    ...(thinking.thinking === null ? {} : { thinking: thinking.thinking }),
    ...(Object.keys(outputConfig).length === 0 ? {} : { output_config: outputConfig }),
    ...renderSampling(request, profile),
    ...(request.stop.length === 0 ? {} : { stop_sequences: request.stop }),
    ...(request.user === null ? {} : { metadata: { user_id: request.user } }),
    ...(tier === undefined ? {} : { service_tier: tier }),
    ...(stream ? { stream: true } : {}),
  });
}
