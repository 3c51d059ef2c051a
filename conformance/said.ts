/** A rule of the dialect that a reply broke, and the trap that it belongs to. */
export interface Violation {
  /** 0: a rule of the dialect that no trap names. */
  trap: number;
  what: string;
}

/** What a reply said, whatever its dialect; and how it broke the rules of its dialect. */
export interface Said {
  id: string | null;
  text: string;
  reasoning: string;
  calls: { id: string; name: string; arguments: string }[];
  /** Why it ended, in the dialect's own word. */
  end: string | null;
  /** `input` includes what was read from a cache and written to one, whatever the dialect counts. */
  usage: { input: number; cached: number; output: number } | null;
  model: string | null;
  /** The code or type of an error, and its words. */
  error: { code: string; message: string; param: string | null } | null;
  violations: Violation[];
  /** The dialect's terminator came, last and once. */
  terminated: boolean;
}

export function nothingSaid(): Said {
  return {
    id: null,
    text: "",
    reasoning: "",
    calls: [],
    end: null,
    usage: null,
    model: null,
    error: null,
    violations: [],
    terminated: false,
  };
}

export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const objects = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

export const text = (value: unknown): string => (typeof value === "string" ? value : "");

export const count = (value: unknown): number => (typeof value === "number" ? value : 0);

/** An event of a stream as a client reads it. */
export interface StreamEvent {
  name: string | null;
  data: string;
}

/** The event's data as an object; null, and a violation, where it is none. */
export function jsonOf(event: StreamEvent, violations: Violation[]): Json | null {
  try {
    const value: unknown = JSON.parse(event.data);
    if (isObject(value)) return value;
  } catch {
    // Told below, with data that is JSON of another kind.
  }
  violations.push({ trap: 1, what: `an event that is no JSON object: ${event.data.slice(0, 60)}` });
  return null;
}

/** Whether the words are an object in JSON, as every dialect's tool arguments must be. */
export function isJsonObject(words: string): boolean {
  try {
    return isObject(JSON.parse(words));
  } catch {
    return false;
  }
}
