import { isObject, type Json } from "../../src/dialects/json.ts";
import type { Asked } from "../../src/routing/verify/answer.ts";
import type { ToolCall } from "./leaderboard.ts";

// What models do wrong, made from right calls. `null`: the kind cannot be made from these calls.

export interface MutationInput {
  asked: Asked;
  calls: readonly ToolCall[];
  random: () => number;
}

type Mutation = (input: MutationInput) => ToolCall[] | null;

const pick = <T>(list: readonly T[], random: () => number): T | undefined =>
  list[Math.floor(random() * list.length)];

interface Argument {
  at: number;
  name: string;
  value: unknown;
  schema: Json;
  required: boolean;
}

/** Every argument of every call that its tool declares. */
function declaredArguments({ asked, calls }: MutationInput): Argument[] {
  return calls.flatMap((call, at) => {
    const parameters = asked.tools.find(({ name }) => name === call.name)?.parameters;
    const properties = isObject(parameters?.properties) ? parameters.properties : {};
    const required = Array.isArray(parameters?.required) ? parameters.required : [];
    return Object.entries(call.arguments).flatMap(([name, value]): Argument[] => {
      const { [name]: schema } = properties;
      return isObject(schema) ? [{ at, name, value, schema, required: required.includes(name) }] : [];
    });
  });
}

/** The calls with one argument changed; undefined takes it out. */
function withArgument(calls: readonly ToolCall[], at: number, name: string, value: unknown): ToolCall[] {
  return calls.map((call, index) => {
    if (index !== at) return call;
    const { [name]: _, ...rest } = call.arguments;
    return { ...call, arguments: value === undefined ? rest : { ...call.arguments, [name]: value } };
  });
}

function change(
  input: MutationInput,
  candidates: readonly Argument[],
  to: (argument: Argument) => unknown,
): ToolCall[] | null {
  const argument = pick(candidates, input.random);
  return argument === undefined ? null : withArgument(input.calls, argument.at, argument.name, to(argument));
}

/** A value of no type that the argument admits. */
const OF_ANOTHER_TYPE: Record<string, unknown> = {
  string: { value: "x" },
  integer: "several",
  number: "several",
  boolean: "perhaps",
  array: 7,
  object: "several",
};

const typeOf = ({ schema }: Argument): string => String(schema.type);

/** Mistakes that a schema can see. */
export const SCHEMA_MUTATIONS: Record<string, Mutation> = {
  wrong_name: ({ calls, random }) => {
    const at = Math.floor(random() * calls.length);
    const suffix = pick(["_v2", "s", ".run", "_tool"], random);
    return calls.map((call, index) => (index === at ? { ...call, name: call.name + suffix } : call));
  },
  missing_required: (input) =>
    change(
      input,
      declaredArguments(input).filter(({ required }) => required),
      () => undefined,
    ),
  wrong_type: (input) =>
    change(
      input,
      declaredArguments(input).filter((argument) => typeOf(argument) in OF_ANOTHER_TYPE),
      (argument) => OF_ANOTHER_TYPE[typeOf(argument)],
    ),
  outside_enum: (input) =>
    change(
      input,
      declaredArguments(input).filter(
        ({ schema, value }) => Array.isArray(schema.enum) && typeof value === "string",
      ),
      ({ value }) => `not ${String(value)}`,
    ),
  unknown_argument: (input) => {
    const at = Math.floor(input.random() * input.calls.length);
    return withArgument(input.calls, at, pick(["verbose", "extra", "note"], input.random) ?? "", "yes");
  },
};

/** The words of a request that no function word hides, as values for made-up arguments. */
const longWords = (text: string): string[] => text.match(/[\p{L}\p{N}]{5,}/gu) ?? ["value"];

/** A call that satisfies a tool's schema, with words of the request for texts. */
export function inventedCall(asked: Asked, toolAt: number, random: () => number): ToolCall | null {
  const tool = asked.tools[toolAt];
  if (tool === undefined) return null;
  const required = Array.isArray(tool.parameters?.required) ? tool.parameters.required : [];
  const properties = isObject(tool.parameters?.properties) ? tool.parameters.properties : {};
  const invented = (schema: unknown): unknown => {
    if (!isObject(schema)) return "value";
    if (Array.isArray(schema.enum)) return schema.enum[0];
    if (schema.type === "integer" || schema.type === "number") return Math.floor(random() * 90) + 10;
    if (schema.type === "boolean") return true;
    if (schema.type === "array") return [invented(schema.items)];
    if (schema.type === "object") return {};
    return pick(longWords(asked.request), random) ?? "value";
  };
  return {
    name: tool.name,
    arguments: Object.fromEntries(required.map((name) => [String(name), invented(properties[String(name)])])),
  };
}

/** Mistakes that a schema cannot see; features may. */
export const OTHER_MUTATIONS: Record<string, Mutation> = {
  extra_call: ({ asked, calls, random }) => {
    const other = inventedCall(asked, Math.floor(random() * asked.tools.length), random);
    return other === null ? null : [...calls, other];
  },
  repeated_call: ({ calls, random }) => {
    const again = pick(calls, random);
    return again === undefined ? null : [...calls, again];
  },
  missing_call: ({ calls, random }) => {
    if (calls.length < 2) return null;
    const gone = Math.floor(random() * calls.length);
    return calls.filter((_, at) => at !== gone);
  },
  wrong_value: (input) =>
    change(
      input,
      declaredArguments(input).filter(
        ({ schema, value }) =>
          !("enum" in schema) && (typeof value === "string" || typeof value === "number"),
      ),
      ({ value }) =>
        typeof value === "number"
          ? value + Math.floor(input.random() * 900) + 100
          : pick(["Reykjavik", "Brontosaurus", "Zanzibar Holdings", "quux-7"], input.random),
    ),
  wrong_tool: ({ asked, calls, random }) => {
    const at = Math.floor(random() * calls.length);
    const others = asked.tools.flatMap(({ name }, index) => (name === calls[at]?.name ? [] : [index]));
    const other = pick(others, random);
    const invented = other === undefined ? null : inventedCall(asked, other, random);
    return invented === null ? null : calls.map((call, index) => (index === at ? invented : call));
  },
};
