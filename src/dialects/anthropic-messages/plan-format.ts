import type { Problem } from "../dialect.ts";
import { isObject, type Json } from "../json.ts";
import type { ModelRequest } from "../model-request.ts";
import type { ModelProfile } from "./model-profile.ts";

/** The tool whose input is the answer, for models without structured outputs. */
export const OUTPUT_TOOL = "respond_with_json";

/** How a response format is asked for: by the API's own field, or as the input of a tool that the model must call. */
export type FormatPlan = { schema: Json } | { tool: Json };

const MAPS = new Set(["properties", "$defs", "definitions", "patternProperties"]);
const LISTS = new Set(["anyOf", "allOf", "oneOf", "prefixItems"]);
const SCHEMAS = new Set(["items", "not", "contains", "if", "then", "else"]);

const isObjectSchema = ({ type, properties }: Json): boolean =>
  type === "object" || (Array.isArray(type) && type.includes("object")) || isObject(properties);

/**
 * The schema with every object closed, as structured outputs demand; null where one is open by the caller's own word.
 * Closing one that says nothing narrows the answers and keeps each of them valid.
 */
export function closeObjects(schema: Json): Json | null {
  const open = schema.additionalProperties;
  if (isObjectSchema(schema) && open !== undefined && open !== false) return null;
  const closed: Json = isObjectSchema(schema) ? { ...schema, additionalProperties: false } : { ...schema };
  for (const [keyword, value] of Object.entries(schema)) {
    const inner = closeInside(keyword, value);
    if (inner === null) return null;
    closed[keyword] = keyword === "additionalProperties" ? closed.additionalProperties : inner.value;
  }
  return closed;
}

function closeInside(keyword: string, value: unknown): { value: unknown } | null {
  if (SCHEMAS.has(keyword) && isObject(value)) {
    const closed = closeObjects(value);
    return closed === null ? null : { value: closed };
  }
  if (LISTS.has(keyword) && Array.isArray(value)) {
    const closed = value.map((schema: unknown) => (isObject(schema) ? closeObjects(schema) : schema));
    return closed.includes(null) ? null : { value: closed };
  }
  if (MAPS.has(keyword) && isObject(value)) {
    const closed = Object.entries(value).map(
      ([name, schema]) => [name, isObject(schema) ? closeObjects(schema) : schema] as const,
    );
    return closed.some(([, schema]) => schema === null) ? null : { value: Object.fromEntries(closed) };
  }
  return { value };
}

function asTool(
  schema: Json,
  options: { request: ModelRequest; profile: ModelProfile; thinks: boolean; description: string | null },
): FormatPlan | Problem {
  const { request, profile, thinks, description } = options;
  const why = whyNoTool(schema, { request, profile, thinks });
  if (why !== null)
    return {
      param: "response_format",
      message: `\`response_format\` cannot be honoured by the model's backend: ${why}. Choose a model with structured outputs, or describe the format in the prompt.`,
    };
  return {
    tool: {
      name: OUTPUT_TOOL,
      description: description ?? "Give the whole answer as this tool's input.",
      input_schema: schema,
    },
  };
}

function whyNoTool(
  schema: Json,
  { request, profile, thinks }: { request: ModelRequest; profile: ModelProfile; thinks: boolean },
): string | null {
  if (schema.type !== "object") return "it takes no schema whose answer is not an object";
  if (request.tools.length > 0) return "it cannot have both tools and this format";
  if (!profile.forcedTools) return "it takes only schemas whose objects have no additional properties";
  if (thinks) return "it cannot think and keep to this format at once";
  return null;
}

/** How the caller's response format is worded for a model, or why it cannot be; null where none was asked for. */
export function planFormat(
  request: ModelRequest,
  options: { profile: ModelProfile; thinks: boolean },
): FormatPlan | Problem | null {
  const { format } = request;
  if (format === null) return null;
  if (format.type === "json_object")
    return asTool(
      { type: "object", additionalProperties: true },
      { request, ...options, description: "Give the whole answer as this tool's input: one JSON object." },
    );
  const closed = options.profile.structured ? closeObjects(format.schema) : null;
  if (closed !== null) return { schema: closed };
  return asTool(format.schema, { request, ...options, description: format.description });
}

/** Whether a reply's call of the output tool is the answer: the same for whoever rendered the request and reads the reply. */
export const mayAnswerByTool = (request: ModelRequest): boolean =>
  request.format !== null && request.tools.length === 0;
