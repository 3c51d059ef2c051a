import type { Json } from "../said.ts";

/** What a healthy upstream says, in no dialect. */
export interface Saying {
  text?: readonly string[];
  reasoning?: readonly string[];
  /** Anthropic's signature of the reasoning. */
  signature?: string;
  calls?: readonly { id: string; name: string; arguments: string }[];
  end?: string;
}

/** What every reply costs: 8 of the 20 tokens of input came from a cache. */
export const USAGE = { input: 20, cached: 8, output: 6 };

export const CREATED = 1_760_000_000;
export const MODEL = "upstream-model";

export const sse = (data: unknown): string =>
  `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;

export const named = (event: Json): string => `event: ${String(event.type)}\n${sse(event)}`;
