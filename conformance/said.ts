/** What a reply said, whatever its dialect; and how it broke the rules of its dialect. */
export interface Said {
  text: string;
  reasoning: string;
  calls: { id: string; name: string; arguments: string }[];
  /** Why it ended, in the dialect's own word. */
  end: string | null;
  usage: { input: number; cached: number; output: number } | null;
  model: string | null;
  /** The code or type of an error, and its words. */
  error: { code: string; message: string } | null;
  /** Rules of the dialect that the stream broke. */
  violations: string[];
  /** The dialect's terminator came, last and once. */
  terminated: boolean;
}

export function nothingSaid(): Said {
  return {
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
