import { z } from "zod";
import { MAX_MESSAGES, MAX_TOOLS, modelName } from "../request-limits.ts";

const object = z.record(z.string(), z.unknown());

export const inputPart = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("input_text"), text: z.string() }),
  /** What an earlier reply said, as `output_text` in a message that a client wrote itself. */
  z.looseObject({ type: z.literal("output_text"), text: z.string() }),
  z.looseObject({ type: z.literal("refusal"), refusal: z.string() }),
  z.looseObject({
    type: z.literal("input_image"),
    image_url: z.string().nullish(),
    file_id: z.string().nullish(),
    detail: z.string().nullish(),
  }),
  z.looseObject({
    type: z.literal("input_file"),
    file_id: z.string().nullish(),
    file_data: z.string().nullish(),
    file_url: z.string().nullish(),
    filename: z.string().nullish(),
  }),
  z.looseObject({
    type: z.literal("input_audio"),
    input_audio: z.looseObject({ data: z.string(), format: z.string() }),
  }),
]);

const message = z.looseObject({
  type: z.literal("message").nullish(),
  role: z.enum(["user", "assistant", "system", "developer"]),
  content: z.union([z.string(), z.array(inputPart)]),
});

const reasoningText = z.looseObject({ text: z.string() });

const functionCall = z.looseObject({
  type: z.literal("function_call"),
  call_id: z.string(),
  name: z.string(),
  namespace: z.string().nullish(),
  arguments: z.string(),
});

const functionCallOutput = z.looseObject({
  type: z.literal("function_call_output"),
  call_id: z.string(),
  output: z.union([z.string(), z.array(inputPart)]),
});

const customToolCall = z.looseObject({
  type: z.literal("custom_tool_call"),
  call_id: z.string(),
  name: z.string(),
  namespace: z.string().nullish(),
  input: z.string(),
});

const customToolCallOutput = z.looseObject({
  type: z.literal("custom_tool_call_output"),
  call_id: z.string(),
  output: z.union([z.string(), z.array(inputPart)]),
});

const toolSearchCall = z.looseObject({
  type: z.literal("tool_search_call"),
  call_id: z.string(),
  arguments: z.unknown(),
});

const tool = z.looseObject({ type: z.string() });

export const toolSearchOutput = z.looseObject({
  type: z.literal("tool_search_output"),
  call_id: z.string(),
  tools: z.array(tool),
});

const reasoning = z.looseObject({
  type: z.literal("reasoning"),
  summary: z.array(reasoningText).optional(),
  content: z.array(reasoningText).nullish(),
  encrypted_content: z.string().nullish(),
});

/** The items that can be said in other dialects. */
export const translatableItem = z.discriminatedUnion("type", [
  message,
  functionCall,
  functionCallOutput,
  customToolCall,
  customToolCallOutput,
  toolSearchCall,
  toolSearchOutput,
  reasoning,
]);
export type TranslatableItem = z.infer<typeof translatableItem>;
export type InputPartOf = z.infer<typeof inputPart>;

/** Any item: what it is is looked at only where the call must be translated. */
const anyItem = z.looseObject({
  type: z.string().nullish(),
  role: z.string().optional(),
  id: z.string().nullish(),
});

export const functionTool = z.looseObject({
  type: z.literal("function"),
  name: z.string().min(1),
  description: z.string().nullish(),
  parameters: object.nullish(),
  strict: z.boolean().nullish(),
});

export const customTool = z.looseObject({
  type: z.literal("custom"),
  name: z.string().min(1),
  description: z.string().nullish(),
  format: z
    .discriminatedUnion("type", [
      z.looseObject({ type: z.literal("text") }),
      z.looseObject({ type: z.literal("grammar"), syntax: z.string(), definition: z.string() }),
    ])
    .nullish(),
});

/** A search in the caller's own tools, which the caller makes. */
export const searchTool = z.looseObject({
  type: z.literal("tool_search"),
  description: z.string().nullish(),
  parameters: object.nullish(),
});

export const namespaceTool = z.looseObject({
  type: z.literal("namespace"),
  name: z.string().min(1),
  description: z.string().nullish(),
  tools: z.array(tool),
});

const namedTool = z.looseObject({
  type: z.enum(["function", "custom"]),
  name: z.string(),
  namespace: z.string().nullish(),
});

export const toolChoice = z.union([
  z.enum(["auto", "none", "required"]),
  namedTool,
  z.looseObject({
    type: z.literal("allowed_tools"),
    mode: z.enum(["auto", "required"]),
    tools: z.array(namedTool),
  }),
]);

/** The fields of `POST /v1/responses` that the gateway reads (OpenAI API reference, "Responses"). */
export const responsesRequest = z.looseObject({
  model: modelName,
  input: z.union([z.string(), z.array(anyItem).max(MAX_MESSAGES)]).nullish(),
  instructions: z.string().nullish(),
  tools: z.array(tool).max(MAX_TOOLS).nullish(),
  tool_choice: z.union([z.string(), z.looseObject({ type: z.string() })]).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  text: z
    .looseObject({
      format: z
        .discriminatedUnion("type", [
          z.looseObject({ type: z.literal("text") }),
          z.looseObject({ type: z.literal("json_object") }),
          z.looseObject({
            type: z.literal("json_schema"),
            name: z.string(),
            schema: object,
            description: z.string().nullish(),
            strict: z.boolean().nullish(),
          }),
        ])
        .nullish(),
      verbosity: z.string().nullish(),
    })
    .nullish(),
  reasoning: z
    .looseObject({
      effort: z.string().nullish(),
      summary: z.string().nullish(),
      generate_summary: z.string().nullish(),
    })
    .nullish(),
  max_output_tokens: z.number().int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_logprobs: z.number().int().min(0).max(20).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  include: z.array(z.string()).nullish(),
  store: z.boolean().nullish(),
  background: z.boolean().nullish(),
  previous_response_id: z.string().min(1).nullish(),
  stream: z.boolean().nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  user: z.string().nullish(),
  safety_identifier: z.string().nullish(),
  prompt_cache_key: z.string().nullish(),
  service_tier: z.string().nullish(),
  truncation: z.enum(["auto", "disabled"]).nullish(),
});
export type ResponsesRequest = z.infer<typeof responsesRequest>;

/** A kept item that stands in the input by its id alone (`item_reference`; the type may be left out). */
export function referenceOf(item: { type?: string | null; id?: unknown; role?: unknown }): string | null {
  const { type, id, role } = item;
  if (typeof id !== "string") return null;
  return type === "item_reference" || (type == null && role === undefined) ? id : null;
}

/** Whether the log-probabilities of a reply's tokens are asked for. */
export function wantsLogprobs({ include, top_logprobs }: ResponsesRequest): boolean {
  return include?.includes("message.output_text.logprobs") === true || (top_logprobs ?? 0) > 0;
}
