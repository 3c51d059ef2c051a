/** What a piece of text was to the JSON in it. */
export interface JsonPart {
  /** Characters that are no white space. */
  characters: number;
  /** Of those, how many lie in an object or array. */
  inJson: number;
  /** Whether any character belongs to a value: inside a string that is no key, or of a number or literal. */
  inValue: boolean;
}

export interface JsonValueScanner {
  /** Takes the next piece of the text; pieces may end anywhere. */
  push(text: string): JsonPart;
}

type Container = "object" | "array";

const SPACE = /\s/;
const SCALAR = /[-+.0-9A-Za-z]/;

/**
 * Follows JSON objects and arrays in a text, be it the whole answer or a part of it (tool calls between tags), and
 * tells which pieces touch values. It forgives what is no JSON: the text then counts as lying outside again.
 */
export function createJsonValueScanner(): JsonValueScanner {
  let stack: Container[] = [];
  let string: "key" | "value" | null = null;
  let escaped = false;
  let expectsKey = false;

  const leave = (): void => {
    stack = [];
    string = null;
  };
  const open = (container: Container): void => {
    stack.push(container);
    expectsKey = container === "object";
  };
  /** Whether the character belongs to a value. */
  const inString = (character: string): boolean => {
    const isValue = string === "value";
    if (escaped) escaped = false;
    else if (character === "\\") escaped = true;
    else if (character === '"') {
      string = null;
      return false;
    } else if (character === "\n") leave(); // a quote in prose
    return isValue;
  };
  const inContainer = (character: string): boolean => {
    if (character === '"') {
      string = expectsKey ? "key" : "value";
      return false;
    }
    if (character === "{") open("object");
    else if (character === "[") open("array");
    else if (character === "}" || character === "]") {
      stack.pop();
      expectsKey = false;
    } else if (character === ":") expectsKey = false;
    else if (character === ",") expectsKey = stack.at(-1) === "object";
    else if (!SCALAR.test(character) || expectsKey) leave();
    else return true;
    return false;
  };

  return {
    push(text) {
      const part: JsonPart = { characters: 0, inJson: 0, inValue: false };
      for (const character of text) {
        const isSpace = SPACE.test(character);
        const isInside = stack.length > 0;
        if (string !== null) part.inValue = inString(character) || part.inValue;
        else if (isInside && !isSpace) part.inValue = inContainer(character) || part.inValue;
        else if (character === "{") open("object");
        else if (character === "[") open("array");
        if (isSpace) continue;
        part.characters++;
        if (isInside || stack.length > 0) part.inJson++;
      }
      return part;
    },
  };
}
