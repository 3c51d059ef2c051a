import { emptyRequest, type ModelRequest, type Tool, type ToolChoice } from "../model-request.ts";
import { readWith } from "../read-json.ts";
import { addUnknownFields, collectNativeFields, hostedFields, type NativeFields } from "./native-fields.ts";
import { readMessages } from "./read-messages.ts";
import {
  allowedChoice,
  type ChatFields,
  chatFields,
  type FunctionTool,
  functionChoice,
  functionToolItem,
  jsonSchemaFormat,
} from "./request-schema.ts";

const FUNCTION_FIELDS = { name: true, description: true, parameters: true, strict: true };

function readTool(given: FunctionTool, path: readonly PropertyKey[], native: NativeFields): Tool {
  native.addUnknown(given, FUNCTION_FIELDS, path);
  const { name, description, parameters, strict } = given;
  return {
    name,
    description: description ?? null,
    parameters: parameters ?? null,
    strict: strict ?? null,
  };
}

/** `functions` is the form that tools had before they were called so. */
function readTools({ tools, functions }: ChatFields, native: NativeFields): Tool[] {
  const read = (tools ?? []).flatMap((tool, at) => {
    if (tool.type !== "function") {
      native.add(["tools", at]);
      return [];
    }
    const given = readWith(functionToolItem, tool, ["tools", at]);
    const details = readTool(given.function, ["tools", at, "function"], native);
    return given.cache_control == null ? details : { ...details, cacheControl: given.cache_control };
  });
  const legacy = (functions ?? []).map((tool, at) => readTool(tool, ["functions", at], native));
  return [...read, ...legacy];
}

function readToolChoice(request: ChatFields, native: NativeFields): ToolChoice | null {
  const choice = request.tool_choice;
  if (choice == null) return readFunctionChoice(request);
  if (typeof choice === "string") return { type: choice };
  if (choice.type === "function")
    return { type: "tool", name: readWith(functionChoice, choice, ["tool_choice"]).function.name };
  if (choice.type === "allowed_tools") {
    const { mode, tools } = readWith(allowedChoice, choice, ["tool_choice"]).allowed_tools;
    const at = ["tool_choice", "allowed_tools", "tools"];
    const names = tools.flatMap((tool, index) =>
      tool.type === "function" ? readWith(functionChoice, tool, [...at, index]).function.name : [],
    );
    if (names.length === tools.length) return { type: "allowed", mode, names };
  }
  native.add(["tool_choice"]);
  return null;
}

function readFunctionChoice({ function_call }: ChatFields): ToolChoice | null {
  if (function_call == null) return null;
  return typeof function_call === "string"
    ? { type: function_call }
    : { type: "tool", name: function_call.name };
}

function readFormat({ response_format: format }: ChatFields, native: NativeFields): ModelRequest["format"] {
  if (format == null || format.type === "text") return null;
  if (format.type === "json_object") return { type: "json_object" };
  if (format.type !== "json_schema") {
    native.add(["response_format"]);
    return null;
  }
  const { name, description, schema, strict } = readWith(jsonSchemaFormat, format, [
    "response_format",
  ]).json_schema;
  return {
    type: "json_schema",
    name,
    description: description ?? null,
    schema: schema ?? {},
    strict: strict ?? null,
  };
}

/**
 * A chat request in the internal form.
 *
 * @throws RouteletError `invalid_type`, with `param`.
 */
export function chatToRequest(json: Record<string, unknown>): ModelRequest {
  const request = readWith(chatFields, json);
  const native = collectNativeFields();
  const read = {
    messages: readMessages(request.messages, native),
    tools: readTools(request, native),
    toolChoice: readToolChoice(request, native),
    format: readFormat(request, native),
  };
  addUnknownFields(json, native);
  const effort = request.reasoning_effort;
  return {
    ...emptyRequest(),
    ...read,
    // A reply has one `function_call`.
    parallelToolCalls:
      read.tools.length > 0 && !request.tools?.length ? false : (request.parallel_tool_calls ?? null),
    maxTokens: request.max_completion_tokens ?? request.max_tokens ?? null,
    temperature: request.temperature ?? null,
    topP: request.top_p ?? null,
    topK: request.top_k ?? null,
    stop: typeof request.stop === "string" ? [request.stop] : (request.stop ?? []),
    seed: request.seed ?? null,
    n: request.n ?? null,
    presencePenalty: request.presence_penalty ?? null,
    frequencyPenalty: request.frequency_penalty ?? null,
    logitBias: request.logit_bias ?? null,
    logprobs: request.logprobs === true,
    topLogprobs: request.top_logprobs ?? null,
    reasoning: effort == null ? null : { effort, budgetTokens: null, summary: null },
    verbosity: request.verbosity ?? null,
    serviceTier: request.service_tier ?? null,
    user: request.safety_identifier ?? request.user ?? null,
    metadata: request.metadata ?? null,
    prediction: request.prediction ?? null,
    promptCacheKey: request.prompt_cache_key ?? null,
    nativeOnly: native.paths,
    hosted: hostedFields(json),
  };
}
