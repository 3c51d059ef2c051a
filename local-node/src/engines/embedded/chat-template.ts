import { Template } from "@huggingface/jinja";
import { invalidRequest } from "../../serve/node-errors.ts";
import type { ChatMessage } from "../chat-request.ts";

/**
 * A piece of a rendered prompt. Only pieces that come from the template may contain control tokens; what came
 * from a message is plain text, whatever it looks like.
 */
export interface PromptPiece {
  text: string;
  trusted: boolean;
}

export interface ChatTemplate {
  /** Renders a conversation up to where the assistant answers. Throws a 400 that names a role it cannot express. */
  render(messages: readonly ChatMessage[]): PromptPiece[];
}

export interface TemplateTokens {
  bos: string | null;
  eos: string | null;
}

/**
 * Compiles the Jinja text of a GGUF's `tokenizer.chat_template`. Contents are rendered as unique placeholders
 * and put back as separate pieces: a user who writes `<|im_end|>` writes eight characters, not a control token.
 * `newNonce` gives a text that no content contains by chance; it is drawn for each call.
 */
export function createChatTemplate(options: {
  source: string;
  tokens: TemplateTokens;
  newNonce: () => string;
}): ChatTemplate {
  const template = new Template(options.source);
  const renderText = (messages: readonly ChatMessage[]): string =>
    template.render({
      messages,
      add_generation_prompt: true,
      // Small models that think at length before each answer are of no use for narrow jobs.
      enable_thinking: false,
      bos_token: options.tokens.bos ?? "",
      eos_token: options.tokens.eos ?? "",
    });
  const trimmedRoles = findTrimmedRoles(renderText);

  return {
    render(messages) {
      const nonce = options.newNonce();
      const placeholder = (index: number): string => `\uE000${nonce}-${index}\uE001`;
      const contents = messages.map(({ role, content }) =>
        trimmedRoles.has(role) ? content.trim() : content,
      );
      const text = renderOrRefuse(
        renderText,
        messages.map(({ role }, index) => ({
          role,
          // Templates ask whether a content is empty.
          content: contents[index] === "" ? "" : placeholder(index),
        })),
      );
      messages.forEach((message, index) => {
        if (contents[index] === "" || text.includes(placeholder(index))) return;
        throw inexpressibleRole(message.role, index);
      });
      return split(text, nonce, contents);
    },
  };
}

/** Cuts the rendered text at its placeholders, and puts the contents in as untrusted pieces. */
function split(text: string, nonce: string, contents: readonly string[]): PromptPiece[] {
  const parts = text.split(new RegExp(`\uE000${nonce}-(\\d+)\uE001`));
  return parts
    .map((part, index) =>
      index % 2 === 0
        ? { text: part, trusted: true }
        : { text: contents[Number(part)] ?? "", trusted: false },
    )
    .filter((piece) => piece.text !== "");
}

/** Many templates trim contents, which they cannot do to a placeholder: found by trying, once. */
function findTrimmedRoles(renderText: (messages: ChatMessage[]) => string): Set<ChatMessage["role"]> {
  const conversations: Record<ChatMessage["role"], (content: string) => ChatMessage[]> = {
    system: (content) => [
      { role: "system", content },
      { role: "user", content: "b" },
    ],
    user: (content) => [{ role: "user", content }],
    assistant: (content) => [
      { role: "user", content: "b" },
      { role: "assistant", content },
      { role: "user", content: "c" },
    ],
  };
  const trims = (role: ChatMessage["role"]): boolean => {
    try {
      const text = renderText(conversations[role]("\n\n padded \n\n"));
      return text.includes("padded") && !text.includes("\n\n padded \n\n");
    } catch {
      return false; // the template refuses this role: each call will be told so
    }
  };
  return new Set((["system", "user", "assistant"] as const).filter(trims));
}

function renderOrRefuse(
  renderText: (messages: readonly ChatMessage[]) => string,
  messages: readonly ChatMessage[],
): string {
  try {
    return renderText(messages);
  } catch (cause) {
    const system = messages.findIndex((message) => message.role === "system");
    if (system !== -1 && renders(renderText, withoutSystem(messages))) {
      throw inexpressibleRole("system", system, cause);
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalidRequest({
      message: `The model's chat template refuses this conversation: ${reason}`,
      param: "messages",
    });
  }
}

function renders(
  renderText: (messages: readonly ChatMessage[]) => string,
  messages: readonly ChatMessage[],
): boolean {
  try {
    return renderText(messages) !== "";
  } catch {
    return false;
  }
}

function withoutSystem(messages: readonly ChatMessage[]): ChatMessage[] {
  return messages.filter((message) => message.role !== "system");
}

function inexpressibleRole(role: string, index: number, cause?: unknown) {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  return invalidRequest({
    code: "unsupported_parameter",
    message: `The model's chat template cannot express the role '${role}' at messages[${index}]${reason}. Send its content in a user message.`,
    param: `messages[${index}].role`,
  });
}
