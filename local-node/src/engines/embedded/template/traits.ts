import type { ToolCall } from "../../chat-messages.ts";
import { type ToolSyntax, writeCalls } from "../tool-calls/syntax.ts";
import type { RenderJinja } from "./jinja.ts";

/** A message as templates take it. */
export interface TemplateMessage {
  role: "system" | "user" | "assistant" | "tool";
  content: string | null;
  name?: string;
  reasoning_content?: string;
  tool_calls?: TemplateCall[];
  tool_call_id?: string;
}

export interface TemplateCall {
  id: string;
  type: "function";
  function: { name: string; arguments: Record<string, unknown> | string };
}

/** A tool as templates take it. */
export interface TemplateTool {
  type: "function";
  function: { name: string; description: string; parameters: Record<string, unknown> };
}

/** How a template wants tool calls in the history, where it can express tools at all. */
export interface ToolTraits {
  /** Null: it writes calls itself; else it has no place for them, and they go into the content in this syntax. */
  writtenAs: ToolSyntax | null;
  /** Some write JSON themselves, some put a text in as it is. */
  argumentsAs: "object" | "text";
  /** The content of a message that has calls only. */
  emptyContent: "" | null;
  /** Mistral's templates refuse ids that are not nine letters or digits. */
  shortIds: boolean;
  /** Whether a message may have several calls. */
  severalCalls: boolean;
  /**
   * Where the content of a message that has calls too can go: into that message, or into one of its own before it.
   * Null: the template has no place for it.
   */
  contentBesideCalls: "same" | "before" | null;
}

/** What a template can express. */
export interface TemplateTraits {
  /** Null: it knows no tools, or not all of definitions, calls and results. */
  tools: ToolTraits | null;
  /** Roles whose `name` it shows. */
  namedRoles: ReadonlySet<string>;
  systemRole: boolean;
  /** Whether two messages of the user may follow each other. */
  repeatedUser: boolean;
}

export const PROBE_TOOL: TemplateTool = {
  type: "function",
  function: {
    name: "probe_tool",
    description: "Probe description.",
    parameters: {
      type: "object",
      properties: {
        probe_text: { type: "string", description: "A text." },
        probe_count: { type: "integer", description: "A number." },
      },
      required: ["probe_text", "probe_count"],
    },
  },
};
const PROBE_VALUES = ["first probe value", "second probe value"];
const RESULTS = ["first probe result", "second probe result"];

const PROBE_NAME = "probename";
const NAMED: Record<string, TemplateMessage[]> = {
  system: [
    { role: "system", content: "System text.", name: PROBE_NAME },
    { role: "user", content: "b" },
  ],
  user: [{ role: "user", content: "a", name: PROBE_NAME }],
  assistant: [
    { role: "user", content: "a" },
    { role: "assistant", content: "b", name: PROBE_NAME },
    { role: "user", content: "c" },
  ],
};

/**
 * Finds out by rendering small conversations, once. `declared` is the syntax that the model is known to write calls in,
 * for templates that tell of tools and results but not of calls.
 */
export function probeTraits(render: RenderJinja, declared: ToolSyntax | null): TemplateTraits {
  const shows = (messages: TemplateMessage[], tools: TemplateTool[] | null, expected: string[]): boolean => {
    try {
      const text = render({ messages, ...(tools === null ? {} : { tools }), add_generation_prompt: true });
      return expected.every((part) => text.includes(part));
    } catch {
      return false;
    }
  };
  return {
    tools: probeTools(render, declared),
    namedRoles: new Set(
      Object.entries(NAMED).flatMap(([role, messages]) =>
        shows(messages, null, [PROBE_NAME]) ? [role] : [],
      ),
    ),
    systemRole: shows(NAMED.system ?? [], null, ["System text."]),
    repeatedUser: shows(
      [
        { role: "user", content: "first part" },
        { role: "user", content: "second part" },
      ],
      null,
      ["first part", "second part"],
    ),
  };
}

function probeTools(render: RenderJinja, declared: ToolSyntax | null): ToolTraits | null {
  const expresses = (traits: ToolTraits, calls: number, narration: string): boolean => {
    const values = PROBE_VALUES.slice(0, calls);
    const results = RESULTS.slice(0, calls);
    try {
      const text = render({
        messages: probeConversation({ traits, values, results, narration }),
        tools: [PROBE_TOOL],
        add_generation_prompt: true,
      });
      const all = [PROBE_TOOL.function.description, ...values, ...results, narration];
      // An object put in as text, or a text written as a JSON string once more.
      const mangled = /\{'probe_text|\\"probe_text|\[object/.test(text);
      return all.every((part) => text.includes(part)) && !mangled;
    } catch {
      return false;
    }
  };
  const basic = (["object", "text"] as const)
    .flatMap((argumentsAs) => (["", null] as const).map((emptyContent) => ({ argumentsAs, emptyContent })))
    .flatMap((traits) => [false, true].map((shortIds) => ({ ...traits, shortIds })))
    .flatMap((traits) =>
      [null, ...(declared === null ? [] : [declared])].map((writtenAs) => ({ ...traits, writtenAs })),
    )
    .map((traits): ToolTraits => ({ ...traits, severalCalls: true, contentBesideCalls: null }))
    .find((traits) => expresses(traits, 1, ""));
  if (basic === undefined) return null;
  return {
    ...basic,
    severalCalls: expresses(basic, 2, ""),
    contentBesideCalls:
      (["same", "before"] as const).find((contentBesideCalls) =>
        expresses({ ...basic, contentBesideCalls }, 1, "Probe narration."),
      ) ?? null,
  };
}

function probeConversation(options: {
  traits: ToolTraits;
  values: string[];
  results: string[];
  narration: string;
}): TemplateMessage[] {
  const { traits, narration } = options;
  const idOf = (index: number): string => (traits.shortIds ? `probe000${index}` : `call_probe_${index}`);
  const apart = traits.contentBesideCalls === "before";
  const calls = options.values.map((value, index) => ({
    id: idOf(index),
    name: PROBE_TOOL.function.name,
    arguments: { probe_text: value, probe_count: index },
  }));
  return [
    { role: "user", content: "Probe question" },
    ...(apart ? [{ role: "assistant" as const, content: narration }] : []),
    callingMessage(traits, { content: apart ? "" : narration, calls }),
    ...options.results.map(
      (content, index): TemplateMessage => ({
        role: "tool",
        content,
        name: PROBE_TOOL.function.name,
        tool_call_id: idOf(index),
      }),
    ),
    { role: "assistant", content: "Probe answer" },
    { role: "user", content: "Probe question" },
  ];
}

/** A message that makes calls, as the template takes it. */
export function callingMessage(
  traits: Pick<ToolTraits, "writtenAs" | "emptyContent" | "argumentsAs">,
  { content, calls }: { content: string; calls: readonly ToolCall[] },
): TemplateMessage {
  if (traits.writtenAs !== null) {
    const written = writeCalls(traits.writtenAs, calls);
    return { role: "assistant", content: content === "" ? written : `${content}\n${written}` };
  }
  return {
    role: "assistant",
    content: content === "" ? traits.emptyContent : content,
    tool_calls: calls.map(({ id, name, arguments: values }) => ({
      id,
      type: "function",
      function: { name, arguments: traits.argumentsAs === "object" ? values : JSON.stringify(values) },
    })),
  };
}
