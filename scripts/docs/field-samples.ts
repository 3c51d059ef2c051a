import type { WireDialect } from "../../src/dialects/call.ts";

/** A field of a request as callers send it, in its smallest meaningful form. */
export interface FieldSample {
  /** As the table names it. */
  field: string;
  /** What is added to the plain request of the dialect. */
  body: Record<string, unknown>;
}

const TOOL = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };
const R_TOOL = { type: "function", name: "f", parameters: { type: "object", properties: {} }, strict: false };
const M_TOOL = { name: "f", input_schema: { type: "object", properties: {} } };
const SCHEMA = {
  type: "object",
  properties: { a: { type: "string" } },
  required: ["a"],
  additionalProperties: false,
};
const IMAGE = "data:image/png;base64,iVBORw0KGgo=";
const PDF = "data:application/pdf;base64,JVBERi0=";

const user = (...content: object[]) => ({ messages: [{ role: "user", content }] });
const input = (...content: object[]) => ({ input: [{ role: "user", content }] });

const chat: FieldSample[] = [
  {
    field: "messages: developer",
    body: {
      messages: [
        { role: "developer", content: "x" },
        { role: "user", content: "y" },
      ],
    },
  },
  { field: "messages: name", body: { messages: [{ role: "user", content: "x", name: "ann" }] } },
  { field: "messages: image_url", body: user({ type: "image_url", image_url: { url: IMAGE } }) },
  {
    field: "messages: input_audio",
    body: user({ type: "input_audio", input_audio: { data: "AAAA", format: "wav" } }),
  },
  { field: "messages: file", body: user({ type: "file", file: { filename: "a.pdf", file_data: PDF } }) },
  { field: "tools", body: { tools: [TOOL] } },
  { field: "tools: custom", body: { tools: [{ type: "custom", custom: { name: "f" } }] } },
  { field: "functions", body: { functions: [TOOL.function] } },
  { field: "tool_choice: auto", body: { tools: [TOOL], tool_choice: "auto" } },
  { field: "tool_choice: none", body: { tools: [TOOL], tool_choice: "none" } },
  { field: "tool_choice: required", body: { tools: [TOOL], tool_choice: "required" } },
  {
    field: "tool_choice: named",
    body: { tools: [TOOL], tool_choice: { type: "function", function: { name: "f" } } },
  },
  {
    field: "tool_choice: allowed_tools",
    body: {
      tools: [TOOL],
      tool_choice: {
        type: "allowed_tools",
        allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "f" } }] },
      },
    },
  },
  { field: "parallel_tool_calls", body: { tools: [TOOL], parallel_tool_calls: false } },
  { field: "response_format: json_object", body: { response_format: { type: "json_object" } } },
  {
    field: "response_format: json_schema",
    body: {
      response_format: { type: "json_schema", json_schema: { name: "s", schema: SCHEMA, strict: true } },
    },
  },
  { field: "max_tokens", body: { max_tokens: 9 } },
  { field: "max_completion_tokens", body: { max_completion_tokens: 9 } },
  { field: "temperature", body: { temperature: 0.5 } },
  { field: "top_p", body: { top_p: 0.5 } },
  { field: "top_k", body: { top_k: 5 } },
  { field: "stop", body: { stop: ["x"] } },
  { field: "seed", body: { seed: 1 } },
  { field: "n", body: { n: 2 } },
  { field: "presence_penalty", body: { presence_penalty: 0.5 } },
  { field: "frequency_penalty", body: { frequency_penalty: 0.5 } },
  { field: "logit_bias", body: { logit_bias: { "1": 1 } } },
  { field: "logprobs", body: { logprobs: true } },
  { field: "top_logprobs", body: { logprobs: true, top_logprobs: 2 } },
  { field: "reasoning_effort", body: { reasoning_effort: "low" } },
  { field: "verbosity", body: { verbosity: "low" } },
  { field: "metadata", body: { metadata: { a: "b" } } },
  { field: "store", body: { store: true } },
  { field: "prediction", body: { prediction: { type: "content", content: "x" } } },
  { field: "service_tier", body: { service_tier: "auto" } },
  { field: "user", body: { user: "ann" } },
  { field: "safety_identifier", body: { safety_identifier: "ann" } },
  { field: "prompt_cache_key", body: { prompt_cache_key: "x" } },
  {
    field: "modalities, audio",
    body: { modalities: ["text", "audio"], audio: { voice: "alloy", format: "wav" } },
  },
  { field: "web_search_options", body: { web_search_options: {} } },
];

const responses: FieldSample[] = [
  { field: "instructions", body: { instructions: "x" } },
  { field: "input: input_image", body: input({ type: "input_image", image_url: IMAGE }) },
  { field: "input: input_file", body: input({ type: "input_file", filename: "a.pdf", file_data: PDF }) },
  {
    field: "input: function_call, function_call_output",
    body: {
      input: [
        { role: "user", content: "x" },
        { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "c", output: "y" },
      ],
      tools: [R_TOOL],
    },
  },
  {
    field: "input: reasoning",
    body: {
      input: [
        { role: "user", content: "x" },
        { type: "reasoning", id: "rs_1", summary: [] },
        { role: "assistant", content: "y" },
        { role: "user", content: "z" },
      ],
    },
  },
  {
    field: "input: web_search_call",
    body: {
      input: [
        { type: "web_search_call", id: "ws_1", status: "completed" },
        { role: "user", content: "x" },
      ],
    },
  },
  { field: "tools: function", body: { tools: [R_TOOL] } },
  { field: "tools: function with defer_loading", body: { tools: [{ ...R_TOOL, defer_loading: true }] } },
  { field: "tools: web_search", body: { tools: [{ type: "web_search" }] } },
  { field: "tools: file_search", body: { tools: [{ type: "file_search", vector_store_ids: ["x"] }] } },
  { field: "tools: local_shell", body: { tools: [{ type: "local_shell" }] } },
  {
    field: "tools: mcp",
    body: { tools: [{ type: "mcp", server_label: "x", server_url: "https://example.com" }] },
  },
  { field: "tool_choice: required", body: { tools: [R_TOOL], tool_choice: "required" } },
  { field: "tool_choice: named", body: { tools: [R_TOOL], tool_choice: { type: "function", name: "f" } } },
  { field: "parallel_tool_calls", body: { tools: [R_TOOL], parallel_tool_calls: false } },
  {
    field: "text.format: json_schema",
    body: { text: { format: { type: "json_schema", name: "s", schema: SCHEMA, strict: true } } },
  },
  { field: "text.verbosity", body: { text: { verbosity: "low" } } },
  { field: "reasoning.effort", body: { reasoning: { effort: "low" } } },
  { field: "reasoning.summary", body: { reasoning: { summary: "auto" } } },
  { field: "reasoning.mode", body: { reasoning: { mode: "pro" } } },
  { field: "reasoning.context", body: { reasoning: { context: "all_turns" } } },
  { field: "max_output_tokens", body: { max_output_tokens: 99 } },
  { field: "max_tool_calls", body: { max_tool_calls: 3 } },
  { field: "temperature", body: { temperature: 0.5 } },
  { field: "top_p", body: { top_p: 0.5 } },
  {
    field: "top_logprobs with include",
    body: { include: ["message.output_text.logprobs"], top_logprobs: 2 },
  },
  { field: "presence_penalty", body: { presence_penalty: 0.5 } },
  { field: "frequency_penalty", body: { frequency_penalty: 0.5 } },
  { field: "include: reasoning.encrypted_content", body: { include: ["reasoning.encrypted_content"] } },
  { field: "store", body: { store: true } },
  { field: "previous_response_id", body: { previous_response_id: "resp_1" } },
  { field: "metadata", body: { metadata: { a: "b" } } },
  { field: "service_tier", body: { service_tier: "auto" } },
  { field: "safety_identifier", body: { safety_identifier: "ann" } },
  { field: "prompt_cache_key", body: { prompt_cache_key: "x" } },
  { field: "truncation: auto", body: { truncation: "auto" } },
  { field: "background", body: { background: true } },
  { field: "conversation", body: { conversation: "conv_1" } },
  { field: "prompt", body: { prompt: { id: "pmpt_1" } } },
];

const messages: FieldSample[] = [
  { field: "system", body: { system: "x" } },
  {
    field: "system: blocks with cache_control",
    body: { system: [{ type: "text", text: "x", cache_control: { type: "ephemeral" } }] },
  },
  {
    field: "messages: image",
    body: user({ type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } }),
  },
  {
    field: "messages: image by URL",
    body: user({ type: "image", source: { type: "url", url: "https://example.com/a.png" } }),
  },
  {
    field: "messages: document (PDF)",
    body: user({
      type: "document",
      source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" },
    }),
  },
  {
    field: "messages: document (text)",
    body: user({ type: "document", source: { type: "text", media_type: "text/plain", data: "x" } }),
  },
  {
    field: "messages: tool_use, tool_result",
    body: {
      messages: [
        { role: "user", content: "x" },
        { role: "assistant", content: [{ type: "tool_use", id: "t", name: "f", input: {} }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: "y", is_error: true }] },
      ],
      tools: [M_TOOL],
    },
  },
  {
    field: "messages: thinking",
    body: {
      messages: [
        { role: "user", content: "x" },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "hm", signature: "c2ln" },
            { type: "text", text: "y" },
          ],
        },
        { role: "user", content: "z" },
      ],
    },
  },
  {
    field: "messages: server_tool_use, web_search_tool_result",
    body: {
      messages: [
        { role: "user", content: "x" },
        {
          role: "assistant",
          content: [
            { type: "server_tool_use", id: "s", name: "web_search", input: { query: "x" } },
            { type: "web_search_tool_result", tool_use_id: "s", content: [] },
            { type: "text", text: "y" },
          ],
        },
        { role: "user", content: "z" },
      ],
    },
  },
  { field: "tools", body: { tools: [M_TOOL] } },
  { field: "tools: defer_loading", body: { tools: [{ ...M_TOOL, defer_loading: true }] } },
  { field: "tools: eager_input_streaming", body: { tools: [{ ...M_TOOL, eager_input_streaming: true }] } },
  { field: "tools: web_search", body: { tools: [{ type: "web_search_20250305", name: "web_search" }] } },
  { field: "tools: bash", body: { tools: [{ type: "bash_20250124", name: "bash" }] } },
  { field: "tool_choice: any", body: { tools: [M_TOOL], tool_choice: { type: "any" } } },
  { field: "tool_choice: tool", body: { tools: [M_TOOL], tool_choice: { type: "tool", name: "f" } } },
  {
    field: "tool_choice: disable_parallel_tool_use",
    body: { tools: [M_TOOL], tool_choice: { type: "auto", disable_parallel_tool_use: true } },
  },
  { field: "stop_sequences", body: { stop_sequences: ["x"] } },
  { field: "temperature", body: { temperature: 0.5 } },
  { field: "top_p", body: { top_p: 0.5 } },
  { field: "top_k", body: { top_k: 5 } },
  { field: "thinking", body: { max_tokens: 9_000, thinking: { type: "enabled", budget_tokens: 2_000 } } },
  {
    field: "output_config.format",
    body: { output_config: { format: { type: "json_schema", schema: SCHEMA } } },
  },
  { field: "metadata.user_id", body: { metadata: { user_id: "ann" } } },
  { field: "service_tier", body: { service_tier: "standard_only" } },
  { field: "container", body: { container: "c" } },
  { field: "mcp_servers", body: { mcp_servers: [{ type: "url", url: "https://example.com", name: "x" }] } },
];

/** The fields of each client dialect, in the order of its reference. */
export const FIELD_SAMPLES: Partial<Record<WireDialect, readonly FieldSample[]>> = {
  "openai-chat": chat,
  "openai-responses": responses,
  "anthropic-messages": messages,
};
