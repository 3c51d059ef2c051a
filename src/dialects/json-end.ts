const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Follows the text of a JSON object as it comes in pieces, and tells when its last brace has closed. */
export interface JsonEnd {
  push(text: string): void;
  readonly complete: boolean;
}

/** One pass over each piece, no parsing: a tool call's arguments may come in thousands of them. */
export function followJsonObject(): JsonEnd {
  let depth = 0;
  let inString = false;
  let escaped = false;
  let complete = false;
  return {
    push(text) {
      for (let at = 0; at < text.length && !complete; at++) {
        const code = text.charCodeAt(at);
        if (inString) {
          if (escaped) escaped = false;
          else if (code === BACKSLASH) escaped = true;
          else if (code === QUOTE) inString = false;
        } else if (code === QUOTE) inString = true;
        else if (code === 0x7b || code === 0x5b) depth++;
        else if ((code === 0x7d || code === 0x5d) && --depth === 0) complete = true;
      }
    },
    get complete() {
      return complete;
    },
  };
}
