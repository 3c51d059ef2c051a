import type { TokenLogprob } from "../reply.ts";

/** The items of a reply's `output`, as far as a translated reply has them (OpenAI API reference, "Responses"). */
export interface MessageItem {
  id: string;
  type: "message";
  status: "in_progress" | "completed" | "incomplete";
  role: "assistant";
  content: (OutputText | OutputRefusal)[];
}

export interface OutputText {
  type: "output_text";
  annotations: never[];
  logprobs: TokenLogprob[];
  text: string;
}

export interface OutputRefusal {
  type: "refusal";
  refusal: string;
}

export interface ReasoningItem {
  id: string;
  type: "reasoning";
  status: "in_progress" | "completed" | "incomplete";
  /** What was thought, where the caller asked for summaries: clients that do so show nothing else. */
  summary: SummaryText[];
  /** The same where it did not. */
  content: ReasoningText[];
  encrypted_content: string | null;
}

export interface SummaryText {
  type: "summary_text";
  text: string;
}

export interface ReasoningText {
  type: "reasoning_text";
  text: string;
}

export type Part = OutputText | OutputRefusal | SummaryText | ReasoningText;

export interface FunctionCallItem {
  id: string;
  type: "function_call";
  status: "in_progress" | "completed" | "incomplete";
  call_id: string;
  name: string;
  namespace?: string;
  arguments: string;
}

export interface CustomToolCallItem {
  id: string;
  type: "custom_tool_call";
  status: "in_progress" | "completed" | "incomplete";
  call_id: string;
  name: string;
  namespace?: string;
  input: string;
}

/** A search in the caller's own tools, which the caller makes. */
export interface ToolSearchCallItem {
  id: string;
  type: "tool_search_call";
  status: "in_progress" | "completed" | "incomplete";
  call_id: string;
  execution: "client";
  arguments: unknown;
}

/** A call of one of the caller's own tools. */
export type CallItem = FunctionCallItem | CustomToolCallItem | ToolSearchCallItem;

const CALLS: readonly string[] = ["function_call", "custom_tool_call", "tool_search_call"];

export type OutputItem = MessageItem | ReasoningItem | CallItem;

export function isCall(item: OutputItem): item is CallItem {
  return CALLS.includes(item.type);
}
