import type { Json } from "../../dialects/json.ts";

/** A tool that a call offered to the model. `parameters`: its JSON Schema; null for a tool that takes nothing. */
export interface OfferedTool {
  name: string;
  description: string | null;
  parameters: Json | null;
}

/** What a call asked for, as far as an answer can be held against it. */
export interface Asked {
  tools: readonly OfferedTool[];
  /** `names`: the only tools that may be called; null when any may. */
  toolChoice: { mode: "auto" | "none" | "required"; names: readonly string[] | null };
  /** False when at most one tool may be called. */
  parallelToolCalls: boolean;
  /** What form the text must have; `schema` is null where any JSON object will do. Null: free text. */
  format: { schema: Json | null } | null;
  /** Every text that the model was given, tool results included, in order. */
  context: readonly string[];
  /** What the user said last; empty where nobody did. */
  request: string;
}

/** A token of an answer: its log-probability, and that of the best other one where the engine gave it. */
export interface AnswerToken {
  text: string;
  logprob: number;
  runnerUp: number | null;
}

/** A small model's answer before anybody has seen it. */
export interface SlmAnswer {
  text: string;
  /** What a model says in the place that its dialect has for refusals; null where it said nothing there. */
  refusal: string | null;
  /** `arguments` is the text that the model wrote. */
  calls: readonly { name: string; arguments: string }[];
  /** `cut`: the model had more to say (`max_tokens`, a full window). Null: the engine did not say why it ended. */
  finish: "complete" | "cut" | "filtered" | "refused" | null;
  /** Null where the engine gives no probabilities. */
  tokens: readonly AnswerToken[] | null;
}

/** Why an answer is not released; stable, since it is recorded and counted. */
export type FindingCode =
  | "truncated"
  | "filtered"
  | "empty"
  | "unknown_tool"
  | "tool_not_allowed"
  | "tool_missing"
  | "too_many_calls"
  | "invalid_json"
  | "missing_argument"
  | "wrong_type"
  | "not_in_enum"
  | "unknown_argument"
  | "schema_violation"
  | "unverifiable";

/** One thing that is wrong with an answer. */
export interface Finding {
  code: FindingCode;
  /** Where: `calls[0].arguments.city`. Names of fields, never their values: a finding may be logged. */
  path: string;
}

/** What a check found; `unchecked` names parts of a schema that this build cannot hold an answer against. */
export interface Checked {
  findings: Finding[];
  unchecked?: string[];
}

/** A hard check: what it finds keeps an answer from being released. */
export type Check = (asked: Asked, answer: SlmAnswer) => Checked;
