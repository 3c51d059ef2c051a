import { z } from "zod";
import { RouteletError } from "../../errors.ts";
import { mediaFromUrl } from "../media.ts";
import {
  emptyRequest,
  type InputPart,
  type Message,
  type ModelRequest,
  type OutputPart,
  type TextPart,
  type Tool,
  type ToolChoice,
} from "../model-request.ts";
import { readWith } from "../read-json.ts";

const object = z.record(z.string(), z.unknown());

const textPart = z.looseObject({ type: z.literal("text"), text: z.string() });
const refusalPart = z.looseObject({ type: z.literal("refusal"), refusal: z.string() });
const inputPart = z.discriminatedUnion("type", [
  textPart,
  z.looseObject({
    type: z.literal("image_url"),
    image_url: z.union([
      z.string().transform((url) => ({ url, detail: undefined })),
      z.looseObject({ url: z.string(), detail: z.string().optional() }),
    ]),
  }),
  z.looseObject({
    type: z.literal("input_audio"),
    input_audio: z.looseObject({ data: z.string(), format: z.string() }),
  }),
  z.looseObject({
    type: z.literal("file"),
    file: z.looseObject({
      file_id: z.string().optional(),
      file_data: z.string().optional(),
      filename: z.string().optional(),
    }),
  }),
]);

const text = z.union([z.string(), z.array(textPart)]);
const name = z.string().optional();
const functionCall = z.looseObject({ name: z.string(), arguments: z.string() });

const message = z.discriminatedUnion("role", [
  z.looseObject({ role: z.literal("system"), content: text, name }),
  z.looseObject({ role: z.literal("developer"), content: text, name }),
  z.looseObject({ role: z.literal("user"), content: z.union([z.string(), z.array(inputPart)]), name }),
  z.looseObject({
    role: z.literal("assistant"),
    content: z.union([z.string(), z.array(z.discriminatedUnion("type", [textPart, refusalPart]))]).nullish(),
    refusal: z.string().nullish(),
    reasoning_content: z.string().nullish(),
    name,
    tool_calls: z
      .array(
        z.looseObject({
          id: z.string(),
          type: z.literal("function", "must be `function`: only such calls can be translated"),
          function: functionCall,
        }),
      )
      .nullish(),
    function_call: functionCall.nullish(),
  }),
  z.looseObject({ role: z.literal("tool"), content: text, tool_call_id: z.string() }),
  z.looseObject({ role: z.literal("function"), content: z.string().nullable(), name: z.string() }),
]);

const functionTool = z.looseObject({
  name: z.string().min(1),
  description: z.string().nullish(),
  parameters: object.nullish(),
  strict: z.boolean().nullish(),
});
const namedFunction = z.looseObject({
  type: z.literal("function"),
  function: z.looseObject({ name: z.string() }),
});

const toolChoice = z.union([
  z.enum(["auto", "none", "required"]),
  namedFunction,
  z.looseObject({
    type: z.literal("allowed_tools"),
    allowed_tools: z.looseObject({ mode: z.enum(["auto", "required"]), tools: z.array(namedFunction) }),
  }),
]);

const fields = z.looseObject({
  messages: z.array(message),
  tools: z.array(z.looseObject({ type: z.string(), function: functionTool.optional() })).nullish(),
  functions: z.array(functionTool).nullish(),
  tool_choice: toolChoice.nullish(),
  function_call: z.union([z.enum(["auto", "none"]), z.looseObject({ name: z.string() })]).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: z
    .discriminatedUnion("type", [
      z.looseObject({ type: z.literal("text") }),
      z.looseObject({ type: z.literal("json_object") }),
      z.looseObject({
        type: z.literal("json_schema"),
        json_schema: z.looseObject({
          name: z.string(),
          description: z.string().nullish(),
          schema: object.nullish(),
          strict: z.boolean().nullish(),
        }),
      }),
    ])
    .nullish(),
  max_tokens: z.number().nullish(),
  max_completion_tokens: z.number().nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  top_k: z.number().nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  seed: z.number().nullish(),
  n: z.number().nullish(),
  presence_penalty: z.number().nullish(),
  frequency_penalty: z.number().nullish(),
  logit_bias: z.record(z.string(), z.number()).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.number().nullish(),
  reasoning_effort: z.string().nullish(),
  verbosity: z.string().nullish(),
  service_tier: z.string().nullish(),
  user: z.string().nullish(),
  safety_identifier: z.string().nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  prediction: z.unknown().optional(),
  prompt_cache_key: z.string().nullish(),
});

/** Read by the gateway itself, or without meaning for a backend that stores nothing for the caller. */
const NOT_THE_BACKENDS = new Set(["model", "stream", "stream_options", "store", "prompt_cache_retention"]);

type Fields = z.infer<typeof fields>;

/** Fields that nothing but an OpenAI backend can honour; unlike `modalities: ["text"]`, which says nothing. */
function nativeOnly(json: Record<string, unknown>, request: Fields): string[] {
  const known = new Set([...Object.keys(fields.shape), ...NOT_THE_BACKENDS]);
  const unknown = Object.keys(json).filter((field) => {
    const value = json[field];
    if (known.has(field) || value == null) return false;
    return !(field === "modalities" && JSON.stringify(value) === '["text"]');
  });
  const tools = (request.tools ?? []).flatMap(({ type, function: details }, at) =>
    type === "function" && details !== undefined ? [] : `tools[${at}]`,
  );
  return [...tools, ...unknown];
}

function textParts(content: string | { text: string }[]): TextPart[] {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  return content.map((part) => ({ type: "text", text: part.text }));
}

function inputParts(content: string | z.infer<typeof inputPart>[], at: number): InputPart[] {
  if (typeof content === "string") return textParts(content);
  return content.map((part, index) => readInputPart(part, `messages[${at}].content[${index}]`));
}

function readInputPart(part: z.infer<typeof inputPart>, param: string): InputPart {
  switch (part.type) {
    case "text":
      return { type: "text", text: part.text };
    case "image_url": {
      const { url, detail } = part.image_url;
      const source = mediaFromUrl(url);
      return detail === undefined ? { type: "image", source } : { type: "image", source, detail };
    }
    case "input_audio":
      return { type: "audio", data: part.input_audio.data, format: part.input_audio.format };
    case "file":
      return filePart(part.file, `${param}.file`);
  }
}

function filePart(
  file: { file_id?: string | undefined; file_data?: string | undefined; filename?: string | undefined },
  param: string,
): InputPart {
  const named = file.filename === undefined ? {} : { name: file.filename };
  if (file.file_data !== undefined) return { type: "file", source: mediaFromUrl(file.file_data), ...named };
  if (file.file_id !== undefined)
    return { type: "file", source: { kind: "file", id: file.file_id }, ...named };
  throw new RouteletError({
    kind: "invalid_request",
    code: "invalid_type",
    message: `\`${param}\` needs \`file_data\` or \`file_id\`.`,
    param,
  });
}

function assistantParts(
  said: Extract<z.infer<typeof message>, { role: "assistant" }>,
  at: number,
): OutputPart[] {
  const parts: OutputPart[] = [];
  if (said.reasoning_content) {
    parts.push({
      type: "reasoning",
      text: said.reasoning_content,
      signature: null,
      redacted: null,
      origin: "openai-chat",
    });
  }
  const content = said.content ?? "";
  if (typeof content === "string") parts.push(...textParts(content));
  else
    for (const part of content)
      parts.push(
        part.type === "text" ? { type: "text", text: part.text } : { type: "refusal", text: part.refusal },
      );
  if (said.refusal) parts.push({ type: "refusal", text: said.refusal });
  for (const { id, function: call } of said.tool_calls ?? [])
    parts.push({ type: "tool_call", id, name: call.name, arguments: call.arguments });
  if (said.function_call) parts.push({ type: "tool_call", id: legacyId(at), ...said.function_call });
  return parts;
}

/** `function_call` had no ids: the result is the message that follows the call. */
const legacyId = (at: number): string => `call_function_${at}`;

function readMessage(said: z.infer<typeof message>, at: number): Message {
  const named = "name" in said && typeof said.name === "string" ? { name: said.name } : {};
  switch (said.role) {
    case "system":
    case "developer":
      return { role: said.role, content: textParts(said.content), ...named };
    case "user":
      return { role: "user", content: inputParts(said.content, at), ...named };
    case "assistant":
      return { role: "assistant", content: assistantParts(said, at), ...named };
    case "tool":
      return { role: "tool", callId: said.tool_call_id, content: textParts(said.content), isError: false };
    case "function":
      return {
        role: "tool",
        callId: legacyId(at - 1),
        content: textParts(said.content ?? ""),
        isError: false,
      };
  }
}

function readTools(request: Fields): Tool[] {
  const given = [
    ...(request.tools ?? []).flatMap((tool) =>
      tool.type === "function" && tool.function !== undefined ? tool.function : [],
    ),
    ...(request.functions ?? []),
  ];
  return given.map(({ name, description, parameters, strict }) => ({
    name,
    description: description ?? null,
    parameters: parameters ?? null,
    strict: strict ?? null,
  }));
}

function readToolChoice({ tool_choice, function_call }: Fields): ToolChoice | null {
  if (tool_choice != null) {
    if (typeof tool_choice === "string") return { type: tool_choice };
    if (tool_choice.type === "function") return { type: "tool", name: tool_choice.function.name };
    const { mode, tools } = tool_choice.allowed_tools;
    return { type: "allowed", mode, names: tools.map((tool) => tool.function.name) };
  }
  if (function_call == null) return null;
  return typeof function_call === "string"
    ? { type: function_call }
    : { type: "tool", name: function_call.name };
}

function readFormat({ response_format: format }: Fields): ModelRequest["format"] {
  if (format == null || format.type === "text") return null;
  if (format.type === "json_object") return { type: "json_object" };
  const { name, description, schema, strict } = format.json_schema;
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
  const request = readWith(fields, json);
  return {
    ...emptyRequest(),
    messages: request.messages.map(readMessage),
    tools: readTools(request),
    toolChoice: readToolChoice(request),
    parallelToolCalls: request.parallel_tool_calls ?? null,
    format: readFormat(request),
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
    reasoning:
      request.reasoning_effort == null
        ? null
        : { effort: request.reasoning_effort, budgetTokens: null, summary: null },
    verbosity: request.verbosity ?? null,
    serviceTier: request.service_tier ?? null,
    user: request.safety_identifier ?? request.user ?? null,
    metadata: request.metadata ?? null,
    prediction: request.prediction ?? null,
    promptCacheKey: request.prompt_cache_key ?? null,
    nativeOnly: nativeOnly(json, request),
  };
}
