import { RouteletError } from "../../errors.ts";
import { pushAll } from "../../push-all.ts";
import { isObject } from "../json.ts";
import { mediaFromUrl } from "../media.ts";
import {
  emptyRequest,
  type InputPart,
  type Message,
  type ModelRequest,
  type OutputPart,
  type TextPart,
  type ToolChoice,
} from "../model-request.ts";
import { placed } from "../places.ts";
import { readWith, unknownFields } from "../read-json.ts";
import { isHostedItem, isHostedTool } from "./hosted.ts";
import { unwrapOpaque } from "./reasoning-token.ts";
import {
  type InputPartOf,
  type ResponsesRequest,
  referenceOf,
  responsesRequest,
  type TranslatableItem,
  toolChoice,
  translatableItem,
  wantsLogprobs,
} from "./request-schema.ts";
import { customArguments, flatName, type ReadTools, readTools, SEARCH_NAME } from "./tools.ts";

const TRANSLATABLE = new Set<string | null | undefined>([
  undefined,
  null,
  "message",
  "function_call",
  "function_call_output",
  "custom_tool_call",
  "custom_tool_call_output",
  "reasoning",
]);

/** A tool search is the caller's own, or OpenAI's; only the caller's names the call that it belongs to. */
function isTranslatable(item: { type?: string | null; id?: unknown; execution?: unknown }): boolean {
  if (referenceOf(item) !== null) return false;
  if (item.type === "tool_search_call" || item.type === "tool_search_output")
    return item.execution === "client";
  return TRANSLATABLE.has(item.type);
}

/** Fields that say what the gateway does, or that every backend may leave aside without changing the answer. */
const NOT_THE_BACKENDS = new Set([
  "model",
  "stream",
  "stream_options",
  "store",
  "previous_response_id",
  "include",
  "prompt_cache_retention",
  "prompt_cache_options",
  // Counts the calls of hosted tools alone, of which no other backend makes any.
  "max_tool_calls",
  // Tells a provider which client and thread asks; nothing of it is for the model.
  "client_metadata",
]);

const REASONING_FIELDS = new Set(["effort", "summary", "generate_summary"]);
const TEXT_FIELDS = new Set(["format", "verbosity"]);

/** `generate_summary` is what `summary` was called before. */
const summaryOf = ({ reasoning }: ResponsesRequest): string | null =>
  reasoning?.summary ?? reasoning?.generate_summary ?? null;

function nativeOnly(
  json: Record<string, unknown>,
  request: ResponsesRequest,
  { native: tools }: ReadTools,
): string[] {
  const known = new Set([...Object.keys(responsesRequest.shape), ...NOT_THE_BACKENDS]);
  const fields = Object.keys(json).filter((field) => !known.has(field) && json[field] != null);
  const items = Array.isArray(request.input)
    ? request.input.flatMap((item, at) => (isTranslatable(item) || isHostedItem(item) ? [] : `input[${at}]`))
    : [];
  const truncation = request.truncation === "auto" ? ["truncation"] : [];
  const { reasoning, text } = request;
  const { mode, context, ...thought } = reasoning ?? {};
  const nested = [
    ...unknownFields(thought, REASONING_FIELDS, ["reasoning"]),
    ...(mode == null || mode === "standard" ? [] : ["reasoning.mode"]),
    ...(context == null || context === "auto" ? [] : ["reasoning.context"]),
    ...unknownFields(text ?? {}, TEXT_FIELDS, ["text"]),
  ];
  return [...fields, ...nested, ...tools, ...items, ...truncation];
}

/** Paths of what OpenAI's own tools left in the conversation. */
function hostedItems({ input }: ResponsesRequest): string[] {
  if (!Array.isArray(input)) return [];
  return input.flatMap((item, at) => (!isTranslatable(item) && isHostedItem(item) ? `input[${at}]` : []));
}

function missing(param: string, what: string): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    code: "invalid_type",
    message: `\`${param}\` needs ${what}.`,
    param,
  });
}

function readInput(part: InputPartOf, param: string): InputPart {
  switch (part.type) {
    case "input_text":
    case "output_text":
      return { type: "text", text: part.text };
    case "refusal":
      return { type: "text", text: part.refusal };
    case "input_audio":
      return { type: "audio", data: part.input_audio.data, format: part.input_audio.format };
    case "input_image": {
      const detail = part.detail == null ? {} : { detail: part.detail };
      if (part.image_url != null) return { type: "image", source: mediaFromUrl(part.image_url), ...detail };
      if (part.file_id != null)
        return { type: "image", source: { kind: "file", id: part.file_id }, ...detail };
      throw missing(param, "`image_url` or `file_id`");
    }
    case "input_file": {
      const name = part.filename == null ? {} : { name: part.filename };
      if (part.file_data != null) return { type: "file", source: mediaFromUrl(part.file_data), ...name };
      if (part.file_url != null) return { type: "file", source: mediaFromUrl(part.file_url), ...name };
      if (part.file_id != null) return { type: "file", source: { kind: "file", id: part.file_id }, ...name };
      throw missing(param, "`file_data`, `file_url` or `file_id`");
    }
  }
}

function inputs(content: string | InputPartOf[], param: string): InputPart[] {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  return content.map((part, at) => {
    const place = `${param}[${at}]`;
    const read = readInput(part, place);
    return read.type === "text" ? read : placed(read, place);
  });
}

const isText = (part: InputPart): part is TextPart => part.type === "text";

function outputs(content: string | InputPartOf[], param: string): OutputPart[] {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  return content.map((part, at): OutputPart => {
    if (part.type === "refusal") return { type: "refusal", text: part.refusal };
    const read = readInput(part, `${param}[${at}]`);
    if (isText(read)) return read;
    throw missing(`${param}[${at}]`, "to be text: an assistant says nothing else");
  });
}

const RESULTS = ["function_call_output", "custom_tool_call_output", "tool_search_output"] as const;
type ResultItem = Extract<TranslatableItem, { type: (typeof RESULTS)[number] }>;

const isResult = (item: TranslatableItem): item is ResultItem => RESULTS.some((type) => type === item.type);

/** What a tool said. A search says which tools it found; they stand among the request's tools then. */
function resultOf(item: ResultItem, param: string): InputPart[] {
  if (item.type !== "tool_search_output") return inputs(item.output, `${param}.output`);
  return [{ type: "text", text: JSON.stringify({ tools: item.tools }) }];
}

/** What an item adds to the assistant's turn; null when it is of another turn. */
function assistantParts(item: TranslatableItem, param: string): OutputPart[] | null {
  if (item.type === "function_call" || item.type === "custom_tool_call") {
    const name = flatName(item.name, item.namespace);
    const given = item.type === "function_call" ? item.arguments : customArguments(item.input);
    return [{ type: "tool_call", id: item.call_id, name, arguments: given }];
  }
  if (item.type === "tool_search_call") {
    const given = JSON.stringify(item.arguments ?? {});
    return [{ type: "tool_call", id: item.call_id, name: SEARCH_NAME, arguments: given }];
  }
  if (item.type === "reasoning") {
    const texts = item.content?.length ? item.content : (item.summary ?? []);
    return [
      {
        type: "reasoning",
        text: texts.map(({ text }) => text).join("\n"),
        ...unwrapOpaque(item.encrypted_content ?? null),
      },
    ];
  }
  if (isResult(item) || item.role !== "assistant") return null;
  return outputs(item.content, `${param}.content`);
}

/** Items as turns: a reply's reasoning, words and calls are items of their own here, and one message elsewhere. */
function readItems(items: readonly TranslatableItem[], native: string[]): Message[] {
  const messages: Message[] = [];
  for (const [at, item] of items.entries()) {
    const param = `input[${at}]`;
    const said = assistantParts(item, param);
    const last = messages.at(-1);
    if (said !== null) {
      if (last?.role === "assistant") pushAll(last.content, said);
      else messages.push({ role: "assistant", content: said });
    } else if (isResult(item)) {
      messages.push({
        role: "tool",
        callId: item.call_id,
        content: resultOf(item, param),
        isError: false,
      });
    } else if (item.type == null || item.type === "message") {
      const content = inputs(item.content, `${param}.content`);
      if (item.role === "user") messages.push({ role: "user", content });
      else if (item.role !== "assistant") {
        native.push(...content.flatMap((part, index) => (isText(part) ? [] : `${param}.content[${index}]`)));
        messages.push({ role: item.role, content: content.filter(isText) });
      }
    }
  }
  return messages;
}

function readToolChoice(value: unknown): ToolChoice {
  const choice = readWith(toolChoice, value, ["tool_choice"]);
  if (typeof choice === "string") return { type: choice };
  if (choice.type === "allowed_tools") {
    const names = choice.tools.map(({ name, namespace }) => flatName(name, namespace));
    return { type: "allowed", mode: choice.mode, names };
  }
  return { type: "tool", name: flatName(choice.name, choice.namespace) };
}

/**
 * The choice as it is among the caller's own tools: hosted ones may be left out. Undefined where it demands one of these.
 */
function ownToolChoice({ tool_choice: asked }: ResponsesRequest, { tools }: ReadTools): unknown {
  if (typeof asked !== "object" || asked === null)
    return asked === "required" && tools.length === 0 ? undefined : asked;
  if (isHostedTool(asked)) return undefined;
  const { tools: allowed } = asked;
  if (asked.type !== "allowed_tools" || !Array.isArray(allowed)) return asked;
  const own = allowed.filter(
    (tool: unknown) => !(isObject(tool) && isHostedTool({ type: String(tool.type) })),
  );
  return own.length === 0 ? undefined : { ...asked, tools: own };
}

function toolChoiceOf(request: ResponsesRequest, tools: ReadTools, native: string[]): ToolChoice | null {
  // A choice of a tool that nobody else has goes with the tool itself, which is named already.
  if (request.tool_choice == null || native.length > 0) return null;
  const own = tools.hosted.length === 0 ? request.tool_choice : ownToolChoice(request, tools);
  const choice = own === undefined ? null : readToolChoice(own);
  const isKnown = choice?.type !== "allowed" || choice.names.every((name) => tools.forms.has(name));
  if (choice !== null && isKnown) return choice;
  native.push("tool_choice");
  return null;
}

function readFormat({ text }: ResponsesRequest): ModelRequest["format"] {
  const format = text?.format;
  if (format == null || format.type === "text") return null;
  if (format.type === "json_object") return { type: "json_object" };
  const { name, description, schema, strict } = format;
  return { type: "json_schema", name, description: description ?? null, schema, strict: strict ?? null };
}

/**
 * A responses request in the internal form. Its history must be in `input` already (`history.ts`).
 *
 * @throws RouteletError `invalid_type`, with `param`.
 */
export function responsesToRequest(json: Record<string, unknown>, request: ResponsesRequest): ModelRequest {
  const tools = readTools(request);
  const native = nativeOnly(json, request, tools);
  const asked: { type?: string | null }[] =
    typeof request.input === "string"
      ? [{ role: "user", content: request.input } as { type?: string }]
      : (request.input ?? []);
  const items = asked.flatMap((item, at) =>
    isTranslatable(item) ? readWith(translatableItem, item, ["input", at]) : [],
  );
  const system: Message[] = request.instructions
    ? [{ role: "system", content: [{ type: "text", text: request.instructions }] }]
    : [];
  const logprobs = wantsLogprobs(request);
  return {
    ...emptyRequest(),
    messages: [...system, ...readItems(items, native)],
    tools: tools.tools,
    toolChoice: toolChoiceOf(request, tools, native),
    parallelToolCalls: request.parallel_tool_calls ?? null,
    format: readFormat(request),
    maxTokens: request.max_output_tokens ?? null,
    temperature: request.temperature ?? null,
    topP: request.top_p ?? null,
    presencePenalty: request.presence_penalty ?? null,
    frequencyPenalty: request.frequency_penalty ?? null,
    logprobs,
    topLogprobs: logprobs ? (request.top_logprobs ?? null) : null,
    reasoning:
      request.reasoning?.effort == null && summaryOf(request) === null
        ? null
        : {
            effort: request.reasoning?.effort ?? null,
            budgetTokens: null,
            summary: summaryOf(request),
          },
    verbosity: request.text?.verbosity ?? null,
    serviceTier: request.service_tier ?? null,
    user: request.safety_identifier ?? request.user ?? null,
    metadata: request.metadata ?? null,
    promptCacheKey: request.prompt_cache_key ?? null,
    nativeOnly: native,
    hosted: [...tools.hosted, ...hostedItems(request)],
  };
}
