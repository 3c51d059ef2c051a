import { pushAll } from "../../push-all.ts";
import type { Json } from "../json.ts";
import type { Message } from "../model-request.ts";
import { type RequestNames, renderInput, renderOutput, renderText } from "./render-content.ts";

/** A turn as it grows: of a user's turn the results of tools come first (wire trap 14). */
interface Turn {
  role: "user" | "assistant" | "system";
  results: Json[];
  blocks: Json[];
}

const isInstruction = ({ role }: Message): boolean => role === "system" || role === "developer";

function instruction(message: Message): Json[] {
  return message.role === "system" || message.role === "developer"
    ? message.content.flatMap((part) => renderText(part.text, part))
    : [];
}

/**
 * An instruction in the middle of a conversation, for a model without the role: in the user's turn, marked as what it is,
 * so that its place is kept, which says when it began to hold.
 */
function asUserText(blocks: readonly Json[]): Json[] {
  return blocks.map((block) => ({ ...block, text: `<system>\n${String(block.text)}\n</system>` }));
}

/** OpenAI's `name` tells participants of one role apart; this dialect has no word for it but the text's own. */
function named(name: string | undefined, blocks: Json[]): Json[] {
  const at = blocks.findIndex(({ type }) => type === "text");
  if (name === undefined || at < 0) return blocks;
  return blocks.map((block, index) =>
    index === at ? { ...block, text: `${name}: ${String(block.text)}` } : block,
  );
}

function join(turns: Turn[], turn: Turn): void {
  const last = turns.at(-1);
  if (last?.role !== turn.role) {
    turns.push({ role: turn.role, results: [...turn.results], blocks: [...turn.blocks] });
    return;
  }
  pushAll(last.results, turn.results);
  pushAll(last.blocks, turn.blocks);
}

/** A model may have its system turn only between a user's and an assistant's, or at the end after a user's. */
function placeInstructions(turns: readonly Turn[], midSystem: boolean): Turn[] {
  const placed: Turn[] = [];
  turns.forEach((turn, index) => {
    const next = turns[index + 1];
    const stands =
      midSystem && placed.at(-1)?.role === "user" && (next === undefined || next.role === "assistant");
    if (turn.role !== "system" || stands) join(placed, turn);
    else join(placed, { role: "user", results: [], blocks: asUserText(turn.blocks) });
  });
  return placed;
}

/**
 * Messages as Anthropic's API takes them: leading instructions apart, turns of one role together, each user's turn with
 * its tool results first, no empty blocks and no empty turns.
 */
export function renderMessages(
  messages: readonly Message[],
  options: { names: RequestNames; midSystem: boolean },
): { system: Json[]; messages: Json[] } {
  const { names, midSystem } = options;
  const first = messages.findIndex((message) => !isInstruction(message));
  const leading = first < 0 ? messages : messages.slice(0, first);
  const turns: Turn[] = [];

  function turn(role: Turn["role"]): Turn {
    const last = turns.at(-1);
    if (last?.role === role) return last;
    const fresh: Turn = { role, results: [], blocks: [] };
    turns.push(fresh);
    return fresh;
  }

  const rest = messages.slice(leading.length);
  rest.forEach((message) => {
    switch (message.role) {
      case "system":
      case "developer": {
        const blocks = instruction(message);
        if (blocks.length === 0) return;
        pushAll(turn("system").blocks, blocks);
        return;
      }
      case "user": {
        const blocks = named(message.name, message.content.flatMap(renderInput));
        if (blocks.length > 0) pushAll(turn("user").blocks, blocks);
        return;
      }
      case "assistant": {
        const blocks = message.content.flatMap((part) => renderOutput(part, names));
        if (blocks.length > 0) pushAll(turn("assistant").blocks, blocks);
        return;
      }
      case "tool": {
        const content = message.content.flatMap(renderInput);
        turn("user").results.push({
          type: "tool_result",
          tool_use_id: names.id(message.callId),
          ...(content.length === 0 ? {} : { content }),
          ...(message.isError ? { is_error: true } : {}),
          ...(message.cacheControl == null ? {} : { cache_control: message.cacheControl }),
        });
        return;
      }
    }
  });

  const system = leading.flatMap(instruction);
  // A conversation needs a turn; a prompt of instructions alone is the user's.
  if (turns.length === 0 && system.length > 0)
    return { system: [], messages: [{ role: "user", content: system }] };
  return {
    system,
    messages: trimPrefill(placeInstructions(turns, midSystem)).map(({ role, results, blocks }) => ({
      role,
      content: [...results, ...blocks],
    })),
  };
}

/** The API refuses a prefill that ends in blanks. */
function trimPrefill(turns: readonly Turn[]): Turn[] {
  const last = turns.at(-1);
  const block = last?.blocks.at(-1);
  if (last?.role !== "assistant" || block?.type !== "text") return [...turns];
  const text = String(block.text).trimEnd();
  return [...turns.slice(0, -1), { ...last, blocks: [...last.blocks.slice(0, -1), { ...block, text }] }];
}
