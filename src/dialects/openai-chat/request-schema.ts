import { z } from "zod";

/** What the types of OpenAI's SDK allow in a chat request, by field; fields that are not here are not translated. */

/** A JSON Schema as it came: a copy by `z.record` would lose a property that is named `__proto__`. */
const object = z.custom<Record<string, unknown>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "expected object",
);
const name = z.string().optional();

const functionCall = z.looseObject({ name: z.string(), arguments: z.string() });

/** `cache_control` is no field of OpenAI's: clients of Claude models behind compatible endpoints send it. */
const cacheable = { cache_control: z.unknown().optional(), prompt_cache_breakpoint: z.unknown().optional() };

/** Parts of a message's content, by their `type`. */
export const contentParts = {
  text: z.looseObject({ type: z.literal("text"), text: z.string(), ...cacheable }),
  refusal: z.looseObject({ type: z.literal("refusal"), refusal: z.string() }),
  image_url: z.looseObject({
    type: z.literal("image_url"),
    image_url: z.union([
      z.string().transform((url): { url: string; detail?: string | undefined } => ({ url })),
      z.looseObject({ url: z.string(), detail: z.string().optional() }),
    ]),
    ...cacheable,
  }),
  input_audio: z.looseObject({
    type: z.literal("input_audio"),
    input_audio: z.looseObject({ data: z.string(), format: z.string() }),
    ...cacheable,
  }),
  file: z.looseObject({
    type: z.literal("file"),
    file: z.looseObject({
      file_id: z.string().optional(),
      file_data: z.string().optional(),
      filename: z.string().optional(),
    }),
    ...cacheable,
  }),
};

/** Read again by type, each with its own path. */
const content = z.union([z.string(), z.array(z.looseObject({ type: z.string() }))]);

const cacheControl = { cache_control: z.unknown().optional() };

const instructions = z.looseObject({ role: z.enum(["system", "developer"]), content, name, ...cacheControl });

/** Messages, by their `role`. */
export const messages = {
  system: instructions,
  developer: instructions,
  user: z.looseObject({ role: z.literal("user"), content, name, ...cacheControl }),
  assistant: z.looseObject({
    role: z.literal("assistant"),
    content: content.nullish(),
    name,
    refusal: z.string().nullish(),
    /** DeepSeek's name for earlier thoughts, and OpenRouter's. */
    reasoning_content: z.string().nullish(),
    reasoning: z.string().nullish(),
    tool_calls: z
      .array(z.looseObject({ id: z.string(), type: z.string(), function: functionCall.optional() }))
      .nullish(),
    function_call: functionCall.nullish(),
    /** An answer in sound that the provider has kept. */
    audio: z.unknown().optional(),
  }),
  tool: z.looseObject({ role: z.literal("tool"), content, tool_call_id: z.string(), name, ...cacheControl }),
  function: z.looseObject({ role: z.literal("function"), content: z.string().nullable(), name: z.string() }),
};

const functionTool = z.looseObject({
  name: z.string().min(1),
  description: z.string().nullish(),
  parameters: object.nullish(),
  strict: z.boolean().nullish(),
});

/** What may be of several types is read again by its type. */
const typed = z.looseObject({ type: z.string() });

/** A tool of type `function`. */
export const functionToolItem = z.looseObject({ function: functionTool, ...cacheControl });

/** A choice of type `function`, and a tool among the allowed ones. */
export const functionChoice = z.looseObject({ function: z.looseObject({ name: z.string() }) });

/** A choice of type `allowed_tools`. */
export const allowedChoice = z.looseObject({
  allowed_tools: z.looseObject({ mode: z.enum(["auto", "required"]), tools: z.array(typed) }),
});

/** A format of type `json_schema`. */
export const jsonSchemaFormat = z.looseObject({
  json_schema: z.looseObject({
    name: z.string(),
    description: z.string().nullish(),
    schema: object.nullish(),
    strict: z.boolean().nullish(),
  }),
});

export const chatFields = z.looseObject({
  messages: z.array(z.looseObject({ role: z.enum(Object.keys(messages) as (keyof typeof messages)[]) })),
  tools: z.array(typed).nullish(),
  functions: z.array(functionTool).nullish(),
  tool_choice: z.union([z.enum(["auto", "none", "required"]), typed]).nullish(),
  function_call: z.union([z.enum(["auto", "none"]), z.looseObject({ name: z.string() })]).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: typed.nullish(),
  max_tokens: z.number().nullish(),
  max_completion_tokens: z.number().nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  /** No field of OpenAI's; most servers of open models have it. */
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

export type ChatFields = z.infer<typeof chatFields>;
export type FunctionTool = z.infer<typeof functionTool>;
