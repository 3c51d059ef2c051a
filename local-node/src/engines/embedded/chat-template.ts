import { invalidRequest } from "../../serve/node-errors.ts";
import type { ChatMessage } from "../chat-messages.ts";
import { createGuard } from "./template/control-texts.ts";
import { type Expressed, express } from "./template/express.ts";
import { guardMessage, guardTool } from "./template/guard-conversation.ts";
import type { RenderJinja } from "./template/jinja.ts";
import { probeThinking, type ThinkingTraits } from "./template/thinking.ts";
import { probeTraits, type TemplateTool, type TemplateTraits } from "./template/traits.ts";
import { declaredSyntax } from "./tool-calls/declared-syntax.ts";
import { deriveSyntax } from "./tool-calls/derive-syntax.ts";
import { GENERIC_SYNTAX, type ToolSyntax } from "./tool-calls/syntax.ts";

/** What the model is asked. */
export interface Conversation {
  messages: readonly ChatMessage[];
  tools: readonly TemplateTool[];
  /** Whether the model should think first, where the template has a switch. */
  think: boolean;
  /** How long, where the template knows such words. */
  effort: string | null;
}

export interface RenderedPrompt {
  /** Texts to be tokenized one by one, with control tokens. */
  pieces: string[];
  /** How the model writes calls of tools after this prompt. */
  syntax: ToolSyntax;
}

export interface ChatTemplate {
  /**
   * Renders a conversation up to where the assistant answers. Throws a 400 that names a role that the template cannot
   * express.
   */
  render(conversation: Conversation): RenderedPrompt;
  /** How the model writes calls of tools. */
  readonly syntax: ToolSyntax;
  /** Null: the model does not think before it answers. */
  readonly thinking: ThinkingTraits | null;
}

export interface TemplateTokens {
  bos: string | null;
  eos: string | null;
}

/**
 * Makes a chat template of a GGUF's `tokenizer.chat_template`. What callers write in messages, names and arguments
 * never becomes a control token, whatever it looks like: a user who writes `<|im_end|>` writes eight characters.
 * `controlTexts` are the texts of all tokens that must not be written by callers, `endTexts` of those that end a reply.
 * `newNonce` gives hexadecimal digits that no caller can guess; they are drawn for each call.
 */
export function createChatTemplate(options: {
  source: string;
  renderJinja: RenderJinja;
  tokens: TemplateTokens;
  controlTexts: readonly string[];
  endTexts: readonly string[];
  newNonce: () => string;
}): ChatTemplate {
  const render: RenderJinja = (variables) =>
    options.renderJinja({
      enable_thinking: false,
      bos_token: options.tokens.bos ?? "",
      eos_token: options.tokens.eos ?? "",
      ...variables,
    });
  const guard = createGuard({ controlTexts: options.controlTexts, templateSource: options.source });
  const found = probeTraits(render, declaredSyntax(options.controlTexts));
  const syntax =
    found.tools === null
      ? null
      : (found.tools.writtenAs ?? deriveSyntax({ render, traits: found.tools, endTexts: options.endTexts }));
  // Where it is not known what the model would write, it is told what to write.
  const traits = syntax === null ? { ...found, tools: null } : found;

  return {
    syntax: syntax ?? GENERIC_SYNTAX,
    thinking: probeThinking(render, options.source),
    render({ messages, tools, think, effort }) {
      const mark = toMark(options.newNonce());
      const guardText = (text: string): string => guard(text, mark);
      const guarded = {
        messages: messages.map((message) => guardMessage(message, guardText)),
        tools: tools.map((tool) => guardTool(tool, guardText)),
      };
      const renderThis: RenderJinja = (variables) =>
        render({
          enable_thinking: think,
          ...(effort === null ? {} : { reasoning_effort: effort }),
          ...variables,
        });
      const renderAs = (form: TemplateTraits): string => {
        const expressed = express(guarded.messages, guarded.tools, form);
        assertShown(renderThis, expressed, messages);
        return renderOrRefuse(renderThis, expressed);
      };
      const toPrompt = (text: string, form: TemplateTraits): RenderedPrompt => ({
        pieces: text.split(mark).filter((piece) => piece !== ""),
        syntax: form.tools === null ? GENERIC_SYNTAX : (syntax ?? GENERIC_SYNTAX),
      });
      try {
        return toPrompt(renderAs(traits), traits);
      } catch (error) {
        if (traits.tools === null || tools.length === 0) throw error;
        // Some templates stumble over schemas that their makers did not think of.
        const written = { ...traits, tools: null };
        return toPrompt(renderAs(written), written);
      }
    },
  };
}

/** Hexadecimal digits as characters of the private use area, which have no case and no meaning to a template. */
function toMark(nonce: string): string {
  return [...nonce].map((digit) => String.fromCodePoint(0xe000 + Number.parseInt(digit, 16))).join("");
}

/** Some templates leave out what they have no place for without a word: found with short contents that are unique. */
function assertShown(render: RenderJinja, expressed: Expressed, original: readonly ChatMessage[]): void {
  const { messages, tools, origins } = expressed;
  const contentOf = (index: number): string => `\uE000${index}\uE001`;
  let text: string;
  try {
    text = renderPrompt(render, {
      tools,
      messages: messages.map((message, index) =>
        message.content === "" || message.content === null
          ? message
          : { ...message, content: contentOf(index) },
      ),
    });
  } catch {
    return; // the real rendering will say why
  }
  messages.forEach(({ content }, index) => {
    if (content === "" || content === null || text.includes(contentOf(index))) return;
    const origin = origins[index] ?? 0;
    throw inexpressibleRole(original[origin]?.role ?? "", origin);
  });
}

function renderOrRefuse(render: RenderJinja, expressed: Expressed): string {
  try {
    return renderPrompt(render, expressed);
  } catch (cause) {
    const system = expressed.messages.findIndex(({ role }) => role === "system");
    if (system !== -1 && renders(render, withoutSystem(expressed))) {
      throw inexpressibleRole("system", expressed.origins[system] ?? 0, cause);
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalidRequest({
      message: `The model's chat template refuses this conversation: ${reason}`,
      param: "messages",
    });
  }
}

type Prompt = Pick<Expressed, "messages" | "tools">;

function renderPrompt(render: RenderJinja, { messages, tools }: Prompt): string {
  return render({ messages, ...(tools === undefined ? {} : { tools }), add_generation_prompt: true });
}

function renders(render: RenderJinja, prompt: Prompt): boolean {
  try {
    return renderPrompt(render, prompt) !== "";
  } catch {
    return false;
  }
}

function withoutSystem({ messages, tools }: Prompt): Prompt {
  return { tools, messages: messages.filter(({ role }) => role !== "system") };
}

function inexpressibleRole(role: string, index: number, cause?: unknown) {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  return invalidRequest({
    code: "unsupported_parameter",
    message: `The model's chat template cannot express the role '${role}' at messages[${index}]${reason}. Send its content in a user message.`,
    param: `messages[${index}].role`,
  });
}
