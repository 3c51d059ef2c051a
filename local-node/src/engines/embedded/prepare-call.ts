import { randomBytes } from "node:crypto";
import { unsupportedParameter } from "../../serve/node-errors.ts";
import type { ChatMessage } from "../chat-messages.ts";
import type { ChatRequest } from "../chat-request.ts";
import type { GrammarRules } from "../grammar/grammar-rules.ts";
import type { ChatTemplate } from "./chat-template.ts";
import { createReplyStream, type ReplyStream } from "./reply-stream.ts";
import { stateOfThoughts, type ThinkingTraits, withoutThoughts } from "./template/thinking.ts";
import { callGrammar } from "./tool-calls/call-grammar.ts";
import { createReplyReader, type Thinking } from "./tool-calls/reply-reader.ts";
import type { ToolSyntax } from "./tool-calls/syntax.ts";
import { createAliases, type NamedTool } from "./tool-calls/tools.ts";

/** What a chat call comes to with one model. */
export interface PreparedCall {
  /** Texts of the prompt, to be tokenized one by one. */
  prompt: string[];
  /**
   * GBNF for each choice; null: any text. `loose`: with arguments that are only held to be JSON, for schemas whose
   * grammar is too large; null where a tool is strict.
   */
  grammar: { exact: string; loose: (() => string | null) | null } | null;
  /** Reads one choice. */
  newReply(): ReplyStream;
}

/** Efforts that ask for no thoughts. */
const NO_THOUGHTS = new Set(["none", "minimal"]);

/** Throws a 400 for what the model's template cannot express, and for schemas and efforts that cannot be honoured. */
export function prepareCall(template: ChatTemplate, request: ChatRequest): PreparedCall {
  const { thinking } = template;
  const { tools: definitions, choice, parallel } = request.tools;
  const effort = request.reasoningEffort;
  const think = effort !== null && !NO_THOUGHTS.has(effort);
  if (think && thinking === null) throw unsupportedParameter("reasoning_effort", "this model does not think");

  const aliasOf = createAliases(namesIn(request));
  const tools = definitions.map((tool): NamedTool => ({ ...tool, alias: aliasOf(tool.name) }));
  const { pieces: prompt, syntax } = template.render({
    messages: request.messages.map((message) => withAliases(tidied(message, thinking), aliasOf)),
    tools: tools.map(({ alias, description, parameters }) => ({
      type: "function",
      function: { name: alias, description, parameters },
    })),
    think,
    effort,
  });
  const thoughts = thoughtsAhead(prompt.join(""), thinking, { think, effort });
  const allowed = tools.filter(({ name }) => choice.allowed.includes(name));
  const byAlias = new Map(choice.mode === "none" ? [] : allowed.map((tool) => [tool.alias, tool]));
  return {
    prompt,
    grammar: grammarOf({ request, thoughts, allowed, syntax, parallel }),
    newReply: () =>
      createReplyStream(
        createReplyReader({ syntax, tools: byAlias, thinking: thoughts.reader, newId: newCallId }),
        request.stop,
      ),
  };
}

function newCallId(): string {
  return `call_${randomBytes(12).toString("hex")}`;
}

function namesIn({ messages, tools }: ChatRequest): string[] {
  const called = messages.flatMap((message) =>
    message.role === "assistant" ? message.toolCalls.map(({ name }) => name) : [],
  );
  return [...tools.tools.map(({ name }) => name), ...called];
}

function tidied(message: ChatMessage, thinking: ThinkingTraits | null): ChatMessage {
  return thinking === null ? message : withoutThoughts(message, thinking.tags);
}

function withAliases(message: ChatMessage, aliasOf: (name: string) => string): ChatMessage {
  if (message.role === "tool") return { ...message, name: aliasOf(message.name) };
  if (message.role !== "assistant") return message;
  return {
    ...message,
    toolCalls: message.toolCalls.map((call) => ({ ...call, name: aliasOf(call.name) })),
  };
}

/** Thoughts that the reply may begin with: as the reader must expect them, and as the grammar allows them. */
interface Thoughts {
  reader: Thinking | null;
  grammar: Thinking | null;
}

function thoughtsAhead(
  prompt: string,
  thinking: ThinkingTraits | null,
  { think, effort }: { think: boolean; effort: string | null },
): Thoughts {
  if (thinking === null) return { reader: null, grammar: null };
  const state = stateOfThoughts(prompt, thinking.tags);
  if (state === "begun" && effort === "none") {
    throw unsupportedParameter("reasoning_effort", "this model always thinks");
  }
  if (state === "over") return { reader: null, grammar: null };
  const ahead: Thinking = { ...thinking.tags, begun: state === "begun" };
  const expected = ahead.begun || think || !thinking.switchable;
  return { reader: ahead, grammar: expected ? ahead : null };
}

function grammarOf(options: {
  request: ChatRequest;
  thoughts: Thoughts;
  allowed: readonly NamedTool[];
  syntax: ToolSyntax;
  parallel: boolean;
}): PreparedCall["grammar"] {
  const { request, thoughts, allowed, syntax, parallel } = options;
  const answer = answerRule(request);
  if (request.tools.tools.length === 0 && (answer === null || thoughts.grammar === null)) {
    if (request.grammar === null) return null;
    if (thoughts.grammar?.begun === true) throw unsupportedParameter("grammar", "this model always thinks");
    return { exact: request.grammar, loose: null };
  }
  const compose = (loose: boolean): string | null =>
    callGrammar({
      syntax,
      tools: allowed,
      mode: request.tools.tools.length === 0 ? "none" : request.tools.choice.mode,
      parallel,
      thinking: thoughts.grammar,
      answer,
      loose,
    });
  const exact = compose(false);
  if (exact === null) return null;
  return { exact, loose: allowed.some(({ strict }) => strict) ? null : () => compose(true) };
}

/** The rule for an answer of the format that was asked for; null: any text. */
function answerRule({ responseFormat: format }: ChatRequest): ((rules: GrammarRules) => string) | null {
  if (format.type === "text") return null;
  if (format.type === "json_object") return (rules) => rules.jsonObject();
  const { schema, strict } = format.json_schema;
  return (rules) => rules.addSchema(schema, { strict: strict === true });
}
