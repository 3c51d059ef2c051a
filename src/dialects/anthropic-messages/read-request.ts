import { isObject } from "../json.ts";
import {
  emptyRequest,
  type ModelRequest,
  type ReasoningRequest,
  type ResponseFormat,
  type Tool,
  type ToolChoice,
} from "../model-request.ts";
import { fieldPath, readWith, unknownFields } from "../read-json.ts";
import { isHostedTool } from "./hosted.ts";
import { type BlockReading, readMessage, readTexts } from "./read-blocks.ts";
import { customTool, type MessagesRequest } from "./request-schema.ts";

/** Fields that have a form here, or that say nothing which a reply would show: hints for Anthropic's own caches. */
const UNDERSTOOD = new Set([
  "model",
  "messages",
  "system",
  "max_tokens",
  "stream",
  "tools",
  "tool_choice",
  "thinking",
  "output_config",
  "output_format",
  "stop_sequences",
  "temperature",
  "top_p",
  "top_k",
  "metadata",
  "service_tier",
  // Where prompts are cached is each provider's own affair; the blocks' marks are kept.
  "cache_control",
  // Asks why the cache was missed; null is its answer where there is nothing to tell.
  "diagnostics",
]);

/** Fields of tools that Anthropic runs itself. */
const HOSTED_FIELDS = new Set(["mcp_servers"]);

const isNothing = (value: unknown): boolean =>
  value == null ||
  (Array.isArray(value) && value.length === 0) ||
  (isObject(value) && Object.keys(value).length === 0);

/** `clear_thinking` drops old thinking from the prompt, which is what other providers do unasked. */
function onlyClearsThinking(value: unknown): boolean {
  if (!isObject(value) || !Array.isArray(value.edits)) return false;
  const edits: unknown[] = value.edits;
  return edits.every(
    (edit) => isObject(edit) && typeof edit.type === "string" && edit.type.startsWith("clear_thinking"),
  );
}

function nativeFields(request: MessagesRequest): string[] {
  const paths: string[] = [];
  for (const [name, value] of Object.entries(request)) {
    if (UNDERSTOOD.has(name) || HOSTED_FIELDS.has(name) || isNothing(value)) continue;
    if (name === "context_management" && onlyClearsThinking(value)) continue;
    if (name === "speed" && value === "standard") continue;
    paths.push(name);
  }
  if (request.max_tokens === 0) paths.push("max_tokens");
  for (const [name, value] of Object.entries(request.metadata ?? {}))
    if (name !== "user_id" && !isNothing(value)) paths.push(`metadata.${name}`);
  for (const [name, value] of Object.entries(request.output_config ?? {}))
    if (name !== "effort" && name !== "format" && !isNothing(value)) paths.push(`output_config.${name}`);
  return paths;
}

/** Of a tool; `eager_input_streaming` says how soon its input comes, not what is in it. */
const TOOL_FIELDS = new Set([
  "type",
  "name",
  "description",
  "input_schema",
  "strict",
  "cache_control",
  "eager_input_streaming",
]);

/** Who may call a tool is the model alone, unless more is said. */
const isDirectAlone = (path: string, tool: Record<string, unknown>): boolean =>
  path.endsWith(".allowed_callers") && JSON.stringify(tool.allowed_callers) === '["direct"]';

function readTools(request: MessagesRequest, { nativeOnly, hosted }: BlockReading): Tool[] {
  return (request.tools ?? []).flatMap((tool, index) => {
    const at = ["tools", index];
    if (tool.type != null && tool.type !== "custom") {
      (isHostedTool(tool.type) ? hosted : nativeOnly).push(fieldPath(at));
      return [];
    }
    const { name, description, input_schema, strict, cache_control } = readWith(customTool, tool, at);
    nativeOnly.push(...unknownFields(tool, TOOL_FIELDS, at).filter((path) => !isDirectAlone(path, tool)));
    return [
      {
        name,
        description: description ?? null,
        parameters: input_schema,
        strict: strict ?? null,
        ...(cache_control == null ? {} : { cacheControl: cache_control }),
      },
    ];
  });
}

/** Whether a choice demands a tool, and there is none but those that Anthropic runs itself. */
function demandsHosted({ tool_choice: choice, tools }: MessagesRequest): boolean {
  const all = tools ?? [];
  const chosen = choice?.type === "tool" ? all.filter(({ name }) => name === choice.name) : all;
  const demands = choice?.type === "tool" || choice?.type === "any";
  return demands && chosen.length > 0 && chosen.every(({ type }) => isHostedTool(type ?? ""));
}

function readToolChoice(request: MessagesRequest, nativeOnly: string[]): ToolChoice | null {
  const choice = request.tool_choice;
  if (choice == null) return null;
  if (demandsHosted(request)) {
    nativeOnly.push("tool_choice");
    return null;
  }
  if (choice.type === "any") return { type: "required" };
  if (choice.type === "tool") return { type: "tool", name: choice.name ?? "" };
  return { type: choice.type };
}

function readFormat(request: MessagesRequest, nativeOnly: string[]): ResponseFormat | null {
  const inConfig = request.output_config?.format;
  const format = inConfig ?? request.output_format;
  if (format == null) return null;
  if (format.type !== "json_schema" || format.schema == null) {
    nativeOnly.push(inConfig == null ? "output_format" : "output_config.format");
    return null;
  }
  return { type: "json_schema", name: "response", description: null, schema: format.schema, strict: true };
}

function readEffort(effort: string): string {
  // OpenAI's scale ends where Anthropic's has one step more.
  return effort === "max" ? "xhigh" : effort;
}

function readReasoning(request: MessagesRequest, nativeOnly: string[]): ReasoningRequest | null {
  const { thinking } = request;
  const asked = request.output_config?.effort;
  const effort = asked == null ? null : readEffort(asked);
  if (thinking == null) return effort === null ? null : { effort, budgetTokens: null, summary: null };
  const summary = thinking.display === "summarized" ? "auto" : null;
  switch (thinking.type) {
    case "disabled":
      return { effort: "none", budgetTokens: null, summary: null };
    // Sonnet 5.5's least: no thought before the answer, notes between tool calls.
    case "between_tools":
      return { effort: "minimal", budgetTokens: null, summary };
    case "adaptive":
      return { effort, budgetTokens: null, summary };
    case "enabled":
      return { effort, budgetTokens: thinking.budget_tokens ?? null, summary };
    default:
      nativeOnly.push("thinking.type");
      return null;
  }
}

function readServiceTier(tier: string | null | undefined): string | null {
  if (tier == null) return null;
  return tier === "standard_only" ? "default" : tier;
}

/**
 * A request for Anthropic's Messages API in the internal form.
 *
 * @throws RouteletError `invalid_type` with the field's path.
 */
export function readMessagesRequest(request: MessagesRequest): ModelRequest {
  const nativeOnly = nativeFields(request);
  const hosted = [...HOSTED_FIELDS].filter((name) => !isNothing(request[name]));
  const reading = { nativeOnly, hosted };
  const system = readTexts(request.system, ["system"], reading);
  const messages = request.messages.flatMap((message, index) =>
    readMessage(message, ["messages", index], reading),
  );
  return {
    ...emptyRequest(),
    messages: system.length === 0 ? messages : [{ role: "system", content: system }, ...messages],
    tools: readTools(request, reading),
    toolChoice: readToolChoice(request, nativeOnly),
    parallelToolCalls: request.tool_choice?.disable_parallel_tool_use === true ? false : null,
    format: readFormat(request, nativeOnly),
    maxTokens: request.max_tokens ?? null,
    temperature: request.temperature ?? null,
    topP: request.top_p ?? null,
    topK: request.top_k ?? null,
    stop: request.stop_sequences ?? [],
    reasoning: readReasoning(request, nativeOnly),
    serviceTier: readServiceTier(request.service_tier),
    user: request.metadata?.user_id ?? null,
    nativeOnly,
    hosted,
  };
}
