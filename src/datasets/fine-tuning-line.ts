import { z } from "zod";
import type { Example } from "./example.ts";

/** A JSON Schema as it came. */
const schema = z.custom<Record<string, unknown>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "expected object",
);
const name = z.string().min(1).max(64).nullish();
const functionName = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, `_` or `-`");

const text = z.strictObject({ type: z.literal("text"), text: z.string() });
const image = z.strictObject({
  type: z.literal("image_url"),
  image_url: z.strictObject({
    url: z.string().regex(/^(https?:\/\/|data:image\/)/i, "must be a URL or a `data:image/…` URL"),
    detail: z.string().nullish(),
  }),
});
const refusal = z.strictObject({ type: z.literal("refusal"), refusal: z.string() });
const texts = z.union([z.string(), z.array(text).min(1)]);

const toolCall = z.strictObject({
  id: z.string().min(1),
  type: z.literal("function"),
  function: z.strictObject({ name: functionName, arguments: z.string() }),
});

const assistant = z
  .strictObject({
    role: z.literal("assistant"),
    content: z.union([z.string(), z.array(z.discriminatedUnion("type", [text, refusal])).min(1)]).nullish(),
    refusal: z.string().nullish(),
    name,
    weight: z.union([z.literal(0), z.literal(1)]).nullish(),
    tool_calls: z.array(toolCall).min(1).nullish(),
  })
  .refine(
    ({ content, refusal: refused, tool_calls }) => content != null || refused != null || tool_calls != null,
    { message: "needs `content` or `tool_calls`", path: ["content"] },
  );

const message = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("system"), content: texts, name }),
  z.strictObject({
    role: z.literal("user"),
    content: z.union([z.string(), z.array(z.discriminatedUnion("type", [text, image])).min(1)]),
    name,
  }),
  assistant,
  z.strictObject({ role: z.literal("tool"), content: texts, tool_call_id: z.string().min(1) }),
]);

const tool = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({
    name: functionName,
    description: z.string().nullish(),
    parameters: schema.nullish(),
    strict: z.boolean().nullish(),
  }),
});

type Line = z.infer<typeof fineTuningLine>;

/** Every tool call that the conversation goes on from has its result, and no result answers nothing (OpenAI's API checks both). */
function unansweredCall({ messages }: Pick<Line, "messages">): { at: number; what: string } | null {
  let open = new Set<string>();
  for (const [at, said] of messages.entries()) {
    if (said.role === "tool") {
      if (!open.delete(said.tool_call_id))
        return { at, what: `answers no tool call \`${said.tool_call_id}\` right before it` };
      continue;
    }
    const [left] = open;
    if (left !== undefined) return { at, what: `comes before the result of the tool call \`${left}\`` };
    open = new Set(said.role === "assistant" ? said.tool_calls?.map(({ id }) => id) : []);
  }
  return null;
}

/**
 * A line of a file for supervised fine-tuning of chat models (OpenAI API reference, "Training format for chat models":
 * `messages`, `tools`, `parallel_tool_calls`; text and images, no sound and no files). `routelet` is our own: it marks what
 * must stay on the owner's machines, and is only there where that was asked for.
 */
export const fineTuningLine = z
  .strictObject({
    messages: z.array(message).min(1),
    tools: z.array(tool).min(1).nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    routelet: z.strictObject({ nodes_only: z.literal(true) }).optional(),
  })
  .check((context) => {
    const { value } = context;
    const issue = (path: (string | number)[], wrong: string): void => {
      context.issues.push({ code: "custom", input: value, path, message: wrong });
    };
    const last = value.messages.length - 1;
    if (value.messages[last]?.role !== "assistant")
      issue(["messages", last, "role"], "the last message must be the assistant's");
    const unanswered = unansweredCall(value);
    if (unanswered !== null) issue(["messages", unanswered.at], unanswered.what);
  });

/** An example as a line; null for one that the format has no place for, or that has no answer. */
export function lineOf(example: Example, nodesOnly: boolean): Line | null {
  const { messages, answer, tools, tool_choice, parallel_tool_calls } = example;
  // The format cannot say that no tool may be called: such a call is one without tools.
  const offered = tool_choice === "none" ? undefined : tools;
  const parallel = offered === undefined ? undefined : parallel_tool_calls;
  const parsed = fineTuningLine.safeParse({
    messages: answer === null ? messages : [...messages, answer],
    ...(offered === undefined ? {} : { tools: offered }),
    ...(parallel === undefined ? {} : { parallel_tool_calls: parallel }),
    ...(nodesOnly ? { routelet: { nodes_only: true } } : {}),
  });
  return answer !== null && parsed.success ? parsed.data : null;
}

/** A line as an item of a data set holds it. */
export function exampleOfLine({ messages, tools, parallel_tool_calls }: Line): Example {
  const said = messages.map(withoutNulls);
  return {
    messages: said.slice(0, -1),
    answer: said.at(-1) ?? null,
    ...(tools == null
      ? {}
      : { tools: tools.map((given) => ({ ...given, function: withoutNulls(given.function) })) }),
    ...(parallel_tool_calls == null ? {} : { parallel_tool_calls }),
  };
}

/** Exporters write fields that are not there as null; `content` alone means something by it. */
function withoutNulls(given: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).filter(([field, value]) => value !== null || field === "content"),
  );
}
