/** An object as JSON has it, of which nothing is certain. */
export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A text with something in it: servers send "" where they have none. */
export const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

/** What JSON says, or undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The object that a text holds, or null where it holds none. */
export function parseObject(text: string): Json | null {
  const json = parseJson(text);
  return isObject(json) ? json : null;
}
