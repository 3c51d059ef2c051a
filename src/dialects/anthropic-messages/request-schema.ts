import { z } from "zod";
import { MAX_MESSAGES, MAX_TOOLS, modelName } from "../request-limits.ts";

const block = z.looseObject({ type: z.string() });
const content = z.union([z.string(), z.array(block)]);

const message = z.looseObject({
  role: z.enum(["user", "assistant", "system"]),
  content,
});

const thinking = z.looseObject({
  type: z.string(),
  budget_tokens: z.number().int().nullish(),
  display: z.string().nullish(),
});

const format = z.looseObject({ type: z.string(), schema: z.record(z.string(), z.unknown()).nullish() });

/** The fields that both endpoints share, by the types of Anthropic's API reference ("Create a Message"). */
const shared = {
  model: modelName,
  messages: z.array(message).min(1).max(MAX_MESSAGES),
  system: content.nullish(),
  tools: z
    .array(z.looseObject({ type: z.string().nullish(), name: z.string().nullish() }))
    .max(MAX_TOOLS)
    .nullish(),
  tool_choice: z
    .looseObject({
      type: z.enum(["auto", "any", "tool", "none"]),
      name: z.string().nullish(),
      disable_parallel_tool_use: z.boolean().nullish(),
    })
    .refine(({ type, name }) => type !== "tool" || (name ?? "") !== "", {
      path: ["name"],
      message: "name the tool that is to be called",
    })
    .nullish(),
  thinking: thinking.nullish(),
  output_config: z.looseObject({ effort: z.string().nullish(), format: format.nullish() }).nullish(),
  output_format: format.nullish(),
};

const rest = {
  stream: z.boolean().nullish(),
  stop_sequences: z.array(z.string()).nullish(),
  temperature: z.number().min(0).max(1).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.number().int().min(0).nullish(),
  metadata: z.looseObject({ user_id: z.string().nullish() }).nullish(),
  service_tier: z.string().nullish(),
};

/** `POST /v1/messages`. What the gateway does not read passes through to the backend, which judges it. */
export const messagesRequest = z.looseObject({ ...shared, ...rest, max_tokens: z.number().int().min(0) });

/** `POST /v1/messages/count_tokens`: a request that nobody answers, so it needs no limit. */
export const countRequest = z.looseObject({
  ...shared,
  ...rest,
  max_tokens: z.number().int().min(0).nullish(),
});

export type MessagesRequest = z.infer<typeof countRequest>;
export type WireMessage = MessagesRequest["messages"][number];
export type WireBlock = z.infer<typeof block>;

const cacheControl = { cache_control: z.unknown().optional() };
const source = z.looseObject({ type: z.string() });

/** The content blocks that have a form in other dialects, each by its `type`. */
export const blockSchemas = {
  text: z.looseObject({ text: z.string(), ...cacheControl }),
  image: z.looseObject({ source, ...cacheControl }),
  document: z.looseObject({
    source,
    title: z.string().nullish(),
    context: z.string().nullish(),
    citations: z.looseObject({ enabled: z.boolean().nullish() }).nullish(),
    ...cacheControl,
  }),
  tool_use: z.looseObject({
    id: z.string().min(1),
    name: z.string().min(1),
    input: z.record(z.string(), z.unknown()),
    ...cacheControl,
  }),
  tool_result: z.looseObject({
    tool_use_id: z.string().min(1),
    content: content.nullish(),
    is_error: z.boolean().nullish(),
    ...cacheControl,
  }),
  thinking: z.looseObject({ thinking: z.string(), signature: z.string().nullish() }),
  redacted_thinking: z.looseObject({ data: z.string() }),
};

/** Where an image's or a document's bytes are. */
export const sourceSchemas = {
  base64: z.looseObject({ media_type: z.string(), data: z.string() }),
  url: z.looseObject({ url: z.string() }),
  file: z.looseObject({ file_id: z.string() }),
  text: z.looseObject({ data: z.string() }),
  content: z.looseObject({ content }),
};

/** A tool that the client itself runs. */
export const customTool = z.looseObject({
  name: z.string().min(1),
  description: z.string().nullish(),
  input_schema: z.record(z.string(), z.unknown()),
  strict: z.boolean().nullish(),
  ...cacheControl,
});
