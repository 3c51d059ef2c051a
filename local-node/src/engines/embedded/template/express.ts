import { createHash } from "node:crypto";
import type { ChatMessage, ToolCall } from "../../chat-messages.ts";
import { GENERIC_SYNTAX, writeCalls } from "../tool-calls/syntax.ts";
import { describeResult, describeTools } from "./generic-tools.ts";
import {
  callingMessage,
  type TemplateMessage,
  type TemplateTool,
  type TemplateTraits,
  type ToolTraits,
} from "./traits.ts";

/** A conversation as one template takes it. */
export interface Expressed {
  messages: TemplateMessage[];
  tools: TemplateTool[] | undefined;
  /** For each of `messages`, the index of the message that it came from. */
  origins: number[];
}

type Step = { message: TemplateMessage; origin: number };

/**
 * Puts a conversation into the form that a template can express. What its template has no place for is written
 * as text: a participant's name before the content, and tools as `generic-tools.ts` has it.
 */
export function express(
  messages: readonly ChatMessage[],
  tools: readonly TemplateTool[],
  traits: TemplateTraits,
): Expressed {
  const named = messages.map((message) => withName(message, traits));
  const steps = traits.tools === null ? writeOut(named, tools, traits) : native(named, traits.tools);
  return {
    messages: steps.map(({ message }) => message),
    origins: steps.map(({ origin }) => origin),
    tools: traits.tools === null || tools.length === 0 ? undefined : [...tools],
  };
}

function withName(message: ChatMessage, { namedRoles }: TemplateTraits): ChatMessage {
  if (message.role === "tool" || message.name === undefined || namedRoles.has(message.role)) return message;
  const { name, ...rest } = message;
  return { ...rest, content: `${name}: ${message.content}` };
}

function native(messages: readonly ChatMessage[], traits: ToolTraits): Step[] {
  const idOf = traits.shortIds ? shortId : (id: string) => id;
  const inOrder = messages.map((message, origin) => ({ message, origin }));
  return (traits.severalCalls ? inOrder : oneCallEach(inOrder)).flatMap(({ message, origin }): Step[] => {
    switch (message.role) {
      case "assistant":
        return assistant(message, traits, idOf).map((expressed) => ({ message: expressed, origin }));
      case "tool": {
        const { role, content, name, callId } = message;
        return [{ message: { role, content, name, tool_call_id: idOf(callId) }, origin }];
      }
      default:
        return [{ message, origin }];
    }
  });
}

function assistant(
  message: Extract<ChatMessage, { role: "assistant" }>,
  traits: ToolTraits,
  idOf: (id: string) => string,
): TemplateMessage[] {
  const { toolCalls, content } = message;
  const plain = plainAssistant(message);
  if (toolCalls.length === 0) return [plain];
  const beside = traits.contentBesideCalls === "same" ? content : "";
  const calls = toolCalls.map((call) => ({ ...call, id: idOf(call.id) }));
  const calling = { ...plain, ...callingMessage(traits, { content: beside, calls }) };
  return traits.contentBesideCalls === "before" && content !== "" ? [plain, calling] : [calling];
}

function plainAssistant({
  role,
  content,
  name,
  reasoning,
}: Extract<ChatMessage, { role: "assistant" }>): TemplateMessage {
  return {
    role,
    content,
    ...(name === undefined ? {} : { name }),
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
  };
}

/** For templates that take one call in a message: each call gets a message, with its results behind it. */
function oneCallEach(steps: { message: ChatMessage; origin: number }[]) {
  const moved = new Set<number>();
  return steps.flatMap(({ message, origin }) => {
    if (moved.has(origin)) return [];
    if (message.role !== "assistant" || message.toolCalls.length < 2) return [{ message, origin }];
    return message.toolCalls.flatMap((call, index) => {
      const results = steps.filter(
        (step) => step.origin > origin && step.message.role === "tool" && step.message.callId === call.id,
      );
      for (const result of results) moved.add(result.origin);
      const single = { ...message, content: index === 0 ? message.content : "", toolCalls: [call] };
      return [{ message: single, origin }, ...results];
    });
  });
}

/** Tools, calls and results as text. */
function writeOut(
  messages: readonly ChatMessage[],
  tools: readonly TemplateTool[],
  { repeatedUser, systemRole }: TemplateTraits,
): Step[] {
  const steps: Step[] = [];
  let lastWasResult = false;
  messages.forEach((message, origin) => {
    const last = steps.at(-1)?.message;
    const isResult = message.role === "tool";
    const joins = lastWasResult && (isResult || (message.role === "user" && !repeatedUser));
    const text = isResult ? describeResult(message.content) : message.content;
    if (joins && last !== undefined) {
      last.content = `${last.content}${isResult ? "\n" : "\n\n"}${text}`;
    } else if (message.role === "assistant") {
      steps.push({ message: { ...plainAssistant(message), content: withCalls(message) }, origin });
    } else {
      steps.push({ message: isResult ? { role: "user", content: text } : { ...message }, origin });
    }
    lastWasResult = isResult || joins;
  });
  if (tools.length > 0) addSection(steps, describeTools(tools), systemRole);
  return steps;
}

function withCalls({ content, toolCalls }: { content: string; toolCalls: ToolCall[] }): string {
  if (toolCalls.length === 0) return content;
  return `${content}${content === "" ? "" : "\n"}${writeCalls(GENERIC_SYNTAX, toolCalls)}`;
}

/** The section goes to the end of the system message; without such a role, to the beginning of the user's. */
function addSection(steps: Step[], section: string, systemRole: boolean): void {
  const [first] = steps;
  if (systemRole && first?.message.role === "system") {
    first.message.content = `${first.message.content}\n\n${section}`;
  } else if (systemRole) {
    steps.unshift({ message: { role: "system", content: section }, origin: first?.origin ?? 0 });
  } else {
    const user = steps.find(({ message }) => message.role === "user");
    if (user !== undefined) user.message.content = `${section}\n\n${user.message.content}`;
  }
}

/** Nine letters or digits, the same for the same id. */
function shortId(id: string): string {
  return /^[A-Za-z0-9]{9}$/.test(id) ? id : createHash("sha256").update(id).digest("hex").slice(0, 9);
}
