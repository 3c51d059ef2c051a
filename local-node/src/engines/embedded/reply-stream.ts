import type { TokenLogprob } from "../logprobs.ts";
import type { ShownReplyPart } from "../reply-part.ts";
import { createLogprobRelease } from "./logprob-release.ts";
import { createStopMatcher } from "./stop-matcher.ts";
import type { ReplyPart, ReplyReader } from "./tool-calls/reply-reader.ts";

/** A piece of a reply that a caller may see, with the log-probabilities of its content's tokens. */
export interface ShownPart {
  part: ShownReplyPart;
  /** Empty where none were asked for. */
  logprobs: TokenLogprob[];
}

export interface ReplyStream {
  /** A token was generated, and with it `text` became whole. */
  push(text: string, entry: TokenLogprob | null): Shown;
  /** No more tokens come; `text` is what became whole at last. */
  finish(text: string): Shown;
  /** Whether the model is thinking. */
  thinks(): boolean;
  calls(): number;
}

interface Shown {
  parts: ShownPart[];
  /** A stop text is complete: the reply ends here. */
  stopped: boolean;
}

/**
 * From what the model writes to what the caller sees. Stop texts are looked for in the content alone: a caller who ends
 * texts at a line's end does not mean the lines of a call or of a thought.
 */
export function createReplyStream(reader: ReplyReader, stopTexts: readonly string[]): ReplyStream {
  const stops = createStopMatcher(stopTexts);
  const logprobs = createLogprobRelease();
  /** Tokens of which it is not known yet whether they are of the content, by their place in what was written. */
  const waiting: { entry: TokenLogprob; start: number; end: number }[] = [];
  let written = 0;

  const write = (text: string, entry: TokenLogprob | null): void => {
    const start = written;
    written += text.length;
    if (entry !== null) waiting.push({ entry, start, end: written });
  };
  const holdContent = (at: number, length: number): void => {
    const end = at + length;
    while (waiting[0] !== undefined && waiting[0].end <= at && waiting[0].start < at) waiting.shift();
    while (waiting[0] !== undefined && waiting[0].start < end) {
      const token = waiting.shift();
      if (token === undefined) break;
      logprobs.hold(token.entry, " ".repeat(Math.min(token.end, end) - Math.max(token.start, at)));
    }
  };
  const show = (parts: readonly ReplyPart[]): Shown => {
    const shown: ShownPart[] = [];
    for (const part of parts) {
      if (part.type !== "content") {
        shown.push({ part, logprobs: [] });
        continue;
      }
      holdContent(part.at, part.text.length);
      const { text, stopped } = stops.push(part.text);
      if (text !== "") shown.push({ part: { type: "content", text }, logprobs: logprobs.release(text) });
      if (stopped) return { parts: shown, stopped };
    }
    return { parts: shown, stopped: false };
  };

  return {
    push(text, entry) {
      write(text, entry);
      return text === "" ? { parts: [], stopped: false } : show(reader.push(text));
    },
    finish(text) {
      write(text, null);
      const pushed = show([...reader.push(text), ...reader.flush()]);
      if (pushed.stopped) return pushed;
      // Tokens that write nothing are told of at the end.
      if (reader.calls() === 0) {
        for (const { entry, start, end } of waiting) if (start === end) logprobs.hold(entry, "");
      }
      const rest = stops.flush();
      const entries = [...logprobs.release(rest), ...logprobs.flush()];
      const last: ShownPart[] =
        rest === "" && entries.length === 0
          ? []
          : [{ part: { type: "content", text: rest }, logprobs: entries }];
      return { parts: [...pushed.parts, ...last], stopped: false };
    },
    thinks: () => reader.thinks(),
    calls: () => reader.calls(),
  };
}
