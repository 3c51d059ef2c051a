import { createParser } from "eventsource-parser";
import { z } from "zod";
import { joinBytes } from "../../bytes.ts";
import { setTopLevelField } from "../json-splice.ts";
import { createSseBlocks, MAX_PENDING_BYTES } from "../sse-blocks.ts";

/** Tokens as OpenAI counts them: the prompt's include the cached ones. */
export interface ChatUsage {
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
}

/** What the side copy of a reply has shown so far. */
export interface ReplyFacts {
  id: string | null;
  model: string | null;
  usage: ChatUsage | null;
  finishReasons: string[];
  /** The first content, tool, refusal or reasoning delta came: from here on the reply belongs to the client. */
  committed: boolean;
  /** `[DONE]` came. */
  terminated: boolean;
  /** An error that came inside the stream, as its upstream worded it. */
  inBandError: string | null;
  /** Events that were not JSON; skipped for reading, released as they came. */
  malformedEvents: number;
}

export interface ChatStream {
  readonly facts: ReplyFacts;
  /** Takes the backend's bytes and returns what the client is to get of them. */
  push(chunk: Uint8Array): Uint8Array[];
  /** At the end of the backend's stream: the bytes of an unterminated last event. */
  flush(): Uint8Array[];
}

const usageSchema = z.looseObject({
  prompt_tokens: z.number(),
  completion_tokens: z.number().nullish(),
  prompt_tokens_details: z.looseObject({ cached_tokens: z.number().nullish() }).nullish(),
});

const chunkSchema = z.looseObject({
  id: z.string().nullish(),
  model: z.string().nullish(),
  error: z.unknown().optional(),
  choices: z
    .array(
      z.looseObject({
        finish_reason: z.string().nullish(),
        delta: z.record(z.string(), z.unknown()).nullish(),
      }),
    )
    .nullish(),
  usage: z.unknown().optional(),
});

/** Reads OpenAI's usage object; null when it is absent or not one. */
export function readUsage(value: unknown): ChatUsage | null {
  const parsed = usageSchema.safeParse(value);
  if (!parsed.success) return null;
  return {
    inputTokens: parsed.data.prompt_tokens,
    cachedInputTokens: parsed.data.prompt_tokens_details?.cached_tokens ?? 0,
    outputTokens: parsed.data.completion_tokens ?? 0,
  };
}

function hasContent(delta: Record<string, unknown>): boolean {
  return Object.entries(delta).some(
    ([name, value]) =>
      name !== "role" &&
      value !== null &&
      value !== undefined &&
      value !== "" &&
      !(Array.isArray(value) && value.length === 0),
  );
}

/** Some servers put an empty `error` beside every chunk. */
function isError(error: unknown): boolean {
  if (typeof error === "string") return error !== "";
  return typeof error === "object" && error !== null && Object.keys(error).length > 0;
}

/** An error's own words, from OpenAI's error object or whatever stands in its place. */
export function errorText(error: unknown): string {
  if (typeof error === "string") return error;
  const message = z.looseObject({ message: z.string() }).safeParse(error);
  return message.success ? message.data.message : JSON.stringify(error);
}

/** Only what has one of these can change the facts once content has come; all else needs no parsing. */
const TELLING = /"(?:usage|finish_reason|error)"(?!\s*:\s*null)|\[DONE\]/;

/**
 * Follows a streamed OpenAI chat reply. The bytes pass through as they came; events are read on a side copy.
 * Removed is only the usage chunk that the client did not ask for (`dropUsageChunk`); changed is only the
 * model's name, where a key's setting asks for the requested one (`renameModel`).
 */
export function createChatStream(options: {
  dropUsageChunk: boolean;
  renameModel: string | null;
}): ChatStream {
  const facts: ReplyFacts = {
    id: null,
    model: null,
    usage: null,
    finishReasons: [],
    committed: false,
    terminated: false,
    inBandError: null,
    malformedEvents: 0,
  };
  const blocks = createSseBlocks();
  const decoder = new TextDecoder();
  let data: string[] = [];
  const parser = createParser({ onEvent: (event) => data.push(event.data) });

  const tellsNothing = (text: string) => facts.committed && facts.model !== null && !TELLING.test(text);

  /** True when the event carries usage and nothing else. */
  function read(event: string): boolean {
    if (event === "[DONE]") {
      facts.terminated = true;
      return false;
    }
    if (tellsNothing(event)) return false;
    let json: unknown;
    try {
      json = JSON.parse(event);
    } catch {
      facts.malformedEvents++;
      return false;
    }
    const parsed = chunkSchema.safeParse(json);
    if (!parsed.success) {
      facts.malformedEvents++;
      return false;
    }
    const chunk = parsed.data;
    facts.id ??= chunk.id ?? null;
    facts.model ??= chunk.model ?? null;
    if (isError(chunk.error)) facts.inBandError = errorText(chunk.error);
    const usage = readUsage(chunk.usage);
    if (usage !== null) facts.usage = usage;
    for (const choice of chunk.choices ?? []) {
      if (choice.delta && hasContent(choice.delta)) facts.committed = true;
      if (choice.finish_reason) {
        facts.finishReasons.push(choice.finish_reason);
        facts.committed = true;
      }
    }
    return usage !== null && (chunk.choices ?? []).length === 0;
  }

  function rename(block: Uint8Array, model: string): Uint8Array {
    const lines = decoder.decode(block).split("\n");
    const renamed = lines.map((line) => {
      const match = /^data: ?(\{.*\})(\r?)$/.exec(line);
      return match?.[1]?.includes('"model"')
        ? `data: ${setTopLevelField(match[1], "model", model)}${match[2] ?? ""}`
        : line;
    });
    return new TextEncoder().encode(renamed.join("\n"));
  }

  function release(block: Uint8Array): Uint8Array[] {
    if (block.length > MAX_PENDING_BYTES) {
      facts.malformedEvents++;
      facts.committed = true;
      return [block];
    }
    const text = decoder.decode(block);
    if (options.renameModel === null && tellsNothing(text)) return [block];
    data = [];
    parser.reset();
    parser.feed(text);
    const usageOnly = data.map(read).some(Boolean);
    if (usageOnly && options.dropUsageChunk && data.length === 1) return [];
    if (options.renameModel !== null && facts.malformedEvents === 0)
      return [rename(block, options.renameModel)];
    return [block];
  }

  return {
    facts,
    push(chunk) {
      const released: Uint8Array[] = [];
      for (const block of blocks.push(chunk)) {
        for (const bytes of release(block)) released.push(bytes);
      }
      return released.length > 1 ? [joinBytes(released)] : released;
    },
    flush() {
      const rest = blocks.rest();
      if (rest.length === 0) return [];
      parser.reset();
      data = [];
      parser.feed(`${decoder.decode(rest)}\n\n`);
      data.forEach(read);
      return [rest];
    },
  };
}

const DECODER = new TextDecoder();

/** The facts of a reply that came whole. */
export function readChatReply(body: Uint8Array): ReplyFacts {
  const facts: ReplyFacts = {
    id: null,
    model: null,
    usage: null,
    finishReasons: [],
    committed: true,
    terminated: true,
    inBandError: null,
    malformedEvents: 0,
  };
  let json: unknown;
  try {
    json = JSON.parse(DECODER.decode(body));
  } catch {
    facts.malformedEvents = 1;
    return facts;
  }
  const parsed = chunkSchema.safeParse(json);
  if (!parsed.success) {
    facts.malformedEvents = 1;
    return facts;
  }
  const reply = parsed.data;
  facts.id = reply.id ?? null;
  facts.model = reply.model ?? null;
  facts.usage = readUsage(reply.usage);
  facts.finishReasons = (reply.choices ?? []).flatMap(({ finish_reason }) => finish_reason ?? []);
  if (isError(reply.error)) facts.inBandError = errorText(reply.error);
  return facts;
}
