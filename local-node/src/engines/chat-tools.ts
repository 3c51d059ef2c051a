import { z } from "zod";
import { invalidRequest, unsupportedParameter } from "../serve/node-errors.ts";

/** A function that the caller offers. */
export interface ToolDefinition {
  name: string;
  description: string;
  /** JSON Schema of its arguments. */
  parameters: Record<string, unknown>;
  /** Whether the caller insists on arguments that satisfy the schema. */
  strict: boolean;
}

/** Which tools may be called, and whether one must be. */
export interface ToolChoice {
  mode: "none" | "auto" | "required";
  /** Names of the tools that may be called: all, or those that `tool_choice` lists. */
  allowed: string[];
}

export interface ToolRequest {
  tools: ToolDefinition[];
  choice: ToolChoice;
  /** Whether a reply may make more than one call. */
  parallel: boolean;
}

const NO_PARAMETERS = { type: "object", properties: {} };
const MAX_TOOLS = 512;

const functionSchema = z.object({
  name: z.string().min(1).max(256),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
});
const named = z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) });

/** The fields of a request that `toToolRequest` reads, as OpenAI's reference has them. */
export const toolShape = {
  tools: z
    .array(z.object({ type: z.literal("function"), function: functionSchema }))
    .max(MAX_TOOLS)
    .default([]),
  tool_choice: z
    .union([
      z.enum(["none", "auto", "required"]),
      named,
      z.object({
        type: z.literal("allowed_tools"),
        allowed_tools: z.object({ mode: z.enum(["auto", "required"]), tools: z.array(named).min(1) }),
      }),
    ])
    .default("auto"),
  parallel_tool_calls: z.boolean().default(true),
};

const toolSchema = z.object(toolShape);

/** Throws a 400 that names the kind of tool that no local model has. */
export function refuseUnsupportedTools(raw: Record<string, unknown>): void {
  if (Array.isArray(raw.tools)) {
    raw.tools.forEach((tool: unknown, index) => {
      const type = typeOf(tool);
      if (type !== null && type !== "function") {
        throw unsupportedParameter(`tools[${index}]`, `tool of type '${type}'`);
      }
    });
  }
  const choice = typeOf(raw.tool_choice);
  if (choice !== null && choice !== "function" && choice !== "allowed_tools") {
    throw unsupportedParameter("tool_choice", `choice of type '${choice}'`);
  }
}

/** Throws a 400 `invalid_value` for two tools of one name, and for a choice of tools that are not there. */
export function toToolRequest(request: z.infer<typeof toolSchema>): ToolRequest {
  const names = new Set<string>();
  const tools = request.tools.map(({ function: tool }, index) => {
    if (names.has(tool.name)) {
      throw invalidRequest({
        message: `Two tools have the name '${tool.name}'. Give each its own.`,
        param: `tools[${index}].function.name`,
      });
    }
    names.add(tool.name);
    return {
      name: tool.name,
      description: tool.description ?? "",
      parameters: tool.parameters ?? NO_PARAMETERS,
      strict: tool.strict ?? false,
    };
  });
  const choice = toChoice(request.tool_choice, [...names]);
  const unknown = choice.allowed.find((name) => !names.has(name));
  if (unknown !== undefined) {
    throw invalidRequest({
      message: `'tool_choice' names the tool '${unknown}', which is not among 'tools'.`,
      param: "tool_choice",
    });
  }
  if (choice.mode === "required" && tools.length === 0) {
    throw invalidRequest({
      message: "'tool_choice' asks for a call, and there are no 'tools'.",
      param: "tool_choice",
    });
  }
  return { tools, choice, parallel: request.parallel_tool_calls };
}

function toChoice(choice: z.infer<typeof toolSchema>["tool_choice"], all: string[]): ToolChoice {
  if (typeof choice === "string") return { mode: choice, allowed: all };
  if (choice.type === "function") return { mode: "required", allowed: [choice.function.name] };
  const { mode, tools } = choice.allowed_tools;
  return { mode, allowed: [...new Set(tools.map((tool) => tool.function.name))] };
}

function typeOf(value: unknown): string | null {
  if (typeof value !== "object" || value === null || !("type" in value)) return null;
  return typeof value.type === "string" ? value.type : null;
}
