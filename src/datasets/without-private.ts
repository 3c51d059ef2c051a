import type { Surrogates } from "../conversion/privacy/surrogates.ts";
import { isObject, type Json } from "../dialects/json.ts";
import type { Asked, SlmAnswer } from "../routing/verify/answer.ts";
import { verify } from "../routing/verify/verdict.ts";
import type { Example } from "./example.ts";

type ChatJson = Json & { role: string };

/** Nobody looks into pictures. */
const isReadable = ({ content }: Json): boolean =>
  !Array.isArray(content) ||
  content.every((part) => isObject(part) && (part.type === "text" || part.type === "refusal"));

const asText = (content: unknown): string =>
  Array.isArray(content)
    ? content.map((part) => String(part.text ?? part.refusal ?? "")).join("")
    : String(content ?? "");

/** The treated call and its answer as verification sees them. */
function asked({ tools = [], response_format: format }: Example): Asked {
  const schema =
    isObject(format?.json_schema) && isObject(format.json_schema.schema) ? format.json_schema.schema : null;
  return {
    tools: tools.map((tool) => {
      const { name, description, parameters } = tool.function as Record<string, unknown>;
      return {
        name: String(name),
        description: typeof description === "string" ? description : null,
        parameters: isObject(parameters) ? parameters : null,
      };
    }),
    toolChoice: { mode: "auto", names: null },
    parallelToolCalls: true,
    format: format === undefined ? null : { schema },
    context: [],
    request: "",
  };
}

function answered({ content, refusal, tool_calls }: Json): SlmAnswer {
  const calls = (tool_calls ?? []) as { function: { name: string; arguments: string } }[];
  return {
    text: asText(content),
    refusal: typeof refusal === "string" ? refusal : null,
    calls: calls.map(({ function: called }) => called),
    finish: "complete",
    tokens: null,
  };
}

/**
 * An example with a surrogate in the place of every private value, in what was said, in what tools were given and gave, and
 * in what they are described by. Null where that cannot be done: it holds pictures, or its answer does not fit its
 * tools any more.
 */
export function withoutPrivate(
  example: Example,
  by: Surrogates,
): { example: Example; replaced: boolean } | null {
  const { messages, answer, tools, response_format } = example;
  if (answer === null || ![...messages, answer].every(isReadable)) return null;
  const said = by.conversation([...messages, answer] as ChatJson[]);
  const treat = <T>(json: T): T => JSON.parse(by.text(JSON.stringify(json))) as T;
  const treated: Example = {
    ...example,
    messages: said.slice(0, -1),
    answer: said.at(-1) ?? null,
    ...(tools === undefined ? {} : { tools: treat(tools) }),
    ...(response_format === undefined ? {} : { response_format: treat(response_format) }),
  };
  if (treated.answer === null || !verify(asked(treated), answered(treated.answer)).valid) return null;
  return { example: treated, replaced: JSON.stringify(treated) !== JSON.stringify(example) };
}
