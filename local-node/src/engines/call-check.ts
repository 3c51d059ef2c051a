import type { NodeError } from "../serve/contract.ts";
import { invalidAnswer } from "../serve/node-errors.ts";
import type { FinishReason } from "./chat-output.ts";
import type { ToolDefinition } from "./chat-tools.ts";
import { schemaGrammar } from "./grammar/schema-grammar.ts";
import type { ShownReplyPart } from "./reply-part.ts";

interface Call {
  name: string;
  arguments: string;
}

/**
 * Holds finished calls of strict tools against their schemas, for what no grammar can say. Null: none of the tools is
 * strict.
 */
export function createCallCheck(tools: readonly ToolDefinition[]): {
  part(choice: number, part: ShownReplyPart): void;
  /** A 502 `invalid_answer`, or null; what was cut at the token limit is not looked at. */
  finish(choice: number, finishReason: FinishReason): NodeError | null;
} | null {
  const strict = new Map(tools.filter((tool) => tool.strict).map((tool) => [tool.name, tool]));
  if (strict.size === 0) return null;
  const choices = new Map<number, Call[]>();
  return {
    part(choice, part) {
      const calls = choices.get(choice) ?? [];
      choices.set(choice, calls);
      if (part.type === "call") calls[part.index] = { name: part.name, arguments: "" };
      const current = part.type === "arguments" ? calls[part.index] : undefined;
      if (current !== undefined && part.type === "arguments") current.arguments += part.text;
    },
    finish(choice, finishReason) {
      const calls = choices.get(choice) ?? [];
      choices.delete(choice);
      if (finishReason !== "tool_calls") return null;
      for (const call of calls) {
        const tool = strict.get(call.name);
        const [first] = tool === undefined ? [] : problemsOf(tool, call.arguments);
        if (first !== undefined) return invalidAnswer(`The model's call of '${call.name}' ${first}.`);
      }
      return null;
    },
  };
}

function problemsOf({ parameters }: ToolDefinition, text: string): string[] {
  try {
    const value: unknown = JSON.parse(text);
    const { validate } = schemaGrammar(parameters, { strict: true });
    return validate(value).map(({ path, message }) => `does not satisfy its schema: ${path} ${message}`);
  } catch {
    return ["has arguments that are no JSON"];
  }
}
