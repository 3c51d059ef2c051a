import type { ShownReplyPart } from "../../reply-part.ts";
import { readArguments, takeParts } from "./read-arguments.ts";
import { markerOf, type Part, type ToolSyntax } from "./syntax.ts";
import {
  createTextInput,
  matchExactly,
  matchLoosely,
  passUntil,
  skipSpace,
  skipWhile,
  type Waiting,
} from "./text-input.ts";
import { NAME_CHARACTER, type NamedTool } from "./tools.ts";

/** A piece of a reply; `at`: where a text of the content stands in what the model wrote. */
export type ReplyPart =
  | Exclude<ShownReplyPart, { type: "content" }>
  | (Extract<ShownReplyPart, { type: "content" }> & { at: number });

export interface ReplyReader {
  push(text: string): ReplyPart[];
  /** The model wrote no more. */
  flush(): ReplyPart[];
  /** How many calls were begun. */
  calls(): number;
  /** Whether what came last is of the thoughts. */
  thinks(): boolean;
}

/** The tags around a model's thoughts, and whether the prompt has written the first one. */
export interface Thinking {
  open: string;
  close: string;
  begun: boolean;
}

/**
 * Takes a reply apart as it comes: thoughts, text, and calls with their arguments, whatever the pieces that it comes in.
 * What only looks like a call stays text. Without tools, calls are not looked for.
 */
export function createReplyReader(options: {
  syntax: ToolSyntax;
  /** By the names that the model knows them by. */
  tools: ReadonlyMap<string, NamedTool>;
  thinking: Thinking | null;
  newId: () => string;
}): ReplyReader {
  const { syntax, tools, thinking, newId } = options;
  const marker = markerOf(syntax);
  const input = createTextInput();
  let parts: ReplyPart[] = [];
  let calls = 0;
  let thinks = thinking?.begun ?? false;

  const passContent = (text: string, at: number): void => {
    parts.push({ type: "content", text, at });
  };
  const takeContent = (length: number): void => {
    const at = input.offset();
    const text = input.take(length);
    if (text !== "") passContent(text, at);
  };

  function* read(): Waiting<void> {
    if (thinking !== null) yield* readThoughts(thinking);
    if (tools.size === 0) return yield* readText();
    if (!marker.anywhere) {
      yield* readCalls(0);
      return yield* readText();
    }
    while (yield* passUntil(input, marker.text, passContent)) {
      const space = yield* skipSpace(input, 0);
      if (!(yield* readCalls(space))) takeContent(space + marker.text.length);
    }
  }

  function* readText(): Waiting<void> {
    for (;;) {
      takeContent(input.rest().length);
      if (input.ended()) return;
      yield;
    }
  }

  function* readThoughts({ open, close, begun }: Thinking): Waiting<void> {
    if (!begun) {
      const opened = yield* matchExactly(input, open, yield* skipSpace(input, 0));
      if (typeof opened !== "number") return;
      input.take(opened);
      thinks = true;
    }
    input.take(yield* skipSpace(input, 0));
    const closed = yield* passUntil(input, close, (text) => parts.push({ type: "reasoning", text }));
    if (!closed) return;
    thinks = false;
    input.take((yield* skipSpace(input, 0)) + close.length);
    input.take(yield* skipSpace(input, 0));
  }

  /** Calls, up to `syntax.end`. False, and nothing taken: there are none. */
  function* readCalls(from: number): Waiting<boolean> {
    let lead: readonly Part[] = [syntax.start, ...syntax.open];
    for (let count = 0; count === 0 || syntax.several; count++) {
      const begun = yield* matchOpen(lead, count === 0 ? from : 0);
      if (begun === "short") {
        // A call that was cut off before its tool is known shows as nothing.
        input.take(input.rest().length);
        return true;
      }
      if (begun === "no") {
        if (count === 0) return false;
        break;
      }
      input.take(begun.end);
      yield* readCall(begun.tool);
      lead = [syntax.separator, ...syntax.open];
    }
    const end = yield* matchLoosely(input, syntax.end, 0);
    if (end !== "no") input.take(end === "short" ? input.rest().length : end);
    input.take(yield* skipSpace(input, 0));
    return true;
  }

  function* readCall(tool: NamedTool): Waiting<void> {
    const index = calls++;
    parts.push({ type: "call", index, id: newId(), name: tool.name });
    const emit = (text: string): void => {
      if (text !== "") parts.push({ type: "arguments", index, text });
    };
    const complete = yield* readArguments({ input, syntax, parameters: tool.parameters, emit });
    const closed = complete && (yield* takeParts(input, syntax.close));
    // What is left of a call that was cut off is no text.
    if (!closed && input.ended()) input.take(input.rest().length);
  }

  /** What stands in front of a call's arguments. */
  function* matchOpen(
    lead: readonly Part[],
    from: number,
  ): Waiting<{ end: number; tool: NamedTool } | "no" | "short"> {
    let end = from;
    let tool: NamedTool | undefined;
    for (const part of lead) {
      if (typeof part === "string") {
        const match = yield* matchLoosely(input, part, end);
        if (typeof match !== "number") return match;
        end = match;
        continue;
      }
      const start = yield* skipSpace(input, end);
      end = yield* skipWhile(input, (character) => NAME_CHARACTER.test(character), start);
      if (end === input.rest().length) return "short";
      if (part.slot === "id") continue;
      tool = tools.get(input.rest().slice(start, end));
      if (tool === undefined) return "no";
    }
    return tool === undefined ? "no" : { end, tool };
  }

  const reading = read();
  const step = (): ReplyPart[] => {
    reading.next();
    const ready = parts;
    parts = [];
    return ready;
  };
  return {
    push(text) {
      input.push(text);
      return step();
    },
    flush() {
      input.end();
      return step();
    },
    calls: () => calls,
    thinks: () => thinks,
  };
}
