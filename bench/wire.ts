import { createParser } from "eventsource-parser";
import type { WireDialect } from "../src/dialects/call.ts";
import type { ClientDialect, RenderContext } from "../src/dialects/dialect.ts";
import { backendDialect, CLIENT_DIALECTS } from "../src/dialects/registry.ts";
import { translateStream } from "../src/dialects/translate.ts";
import { chatEvent, EVENT_STREAM } from "../test/harness/chat-replies.ts";
import { API_KEY, startTestGateway, type TestGateway } from "../test/harness/gateway.ts";
import { messageStreamSteps } from "../test/harness/messages-replies.ts";
import { type Step, startUpstream, type Upstream, type UpstreamRequest } from "../test/harness/upstream.ts";
import type { Benchmark, Measured } from "./lib/report.ts";
import { median, rounded } from "./lib/stats.ts";

const EVENTS = 2_000;
const LOOPS = 15;
const FIRST_TOKENS = 150;
const STREAMS = 256;
const WORDS = 60;

const REQUESTS: Partial<Record<WireDialect, object>> = {
  "openai-chat": { messages: [{ role: "user", content: "hello" }] },
  "openai-responses": { input: "hello", store: false },
  "anthropic-messages": { messages: [{ role: "user", content: "hello" }], max_tokens: 64 },
};

const body = (client: ClientDialect, model: string): string =>
  JSON.stringify({ model, stream: true, ...REQUESTS[client.name] });

/** A stream of so many content events, one string each. */
function streamOf(backend: WireDialect, words: readonly string[]): string[] {
  const text = (step: Step): string => ("send" in step ? String(step.send) : "");
  if (backend === "anthropic-messages") {
    const [start = "", ...rest] = messageStreamSteps({ blocks: [{ type: "text", text: "WORD" }] }).map(text);
    return [
      start,
      ...rest.flatMap((event) =>
        event.includes("WORD") ? words.map((word) => event.replace("WORD", word)) : event,
      ),
    ];
  }
  return [
    chatEvent({ delta: { role: "assistant", content: "" } }),
    ...words.map((content) => chatEvent({ delta: { content } })),
    chatEvent({ delta: {}, finishReason: "stop" }),
    chatEvent({
      usage: { prompt_tokens: 5, completion_tokens: words.length, total_tokens: 5 + words.length },
    }),
    "data: [DONE]\n\n",
  ];
}

function contextOf(client: ClientDialect): RenderContext {
  return {
    call: client.parse(new TextEncoder().encode(body(client, "m"))),
    callId: "call_bench",
    renameModel: null,
    estimatedInputTokens: 5,
    now: 0,
  };
}

/** Microseconds of one thread for an event, read from one dialect and written in another; the least of several loops. */
function perEvent(client: ClientDialect, speaks: WireDialect): number {
  const backend = backendDialect(speaks);
  if (backend === null) throw new Error(`no backend speaks ${speaks}`);
  const words = Array.from({ length: EVENTS }, (_, at) => `word ${at} `);
  const chunks = streamOf(speaks, words).map((event) => new TextEncoder().encode(event));
  const times = Array.from({ length: LOOPS }, () => {
    const context = contextOf(client);
    const request = context.call.request?.();
    if (request === undefined) throw new Error(`${client.name} is not translated`);
    const stream = translateStream({ backend, client, request, context });
    const started = performance.now();
    for (const chunk of chunks) stream.push(chunk);
    stream.flush();
    stream.end();
    return ((performance.now() - started) * 1_000) / chunks.length;
  });
  return Math.min(...times);
}

interface Streamed {
  firstTokenMs: number;
  text: string;
  ended: boolean;
}

/** The words of an event, whatever its dialect. */
function wordsOf(event: Record<string, unknown>): string {
  const { choices, delta, type } = event as {
    choices?: { delta?: { content?: string } }[];
    delta?: string | { text?: string };
    type?: string;
  };
  if (choices !== undefined) return choices[0]?.delta?.content ?? "";
  if (type === "response.output_text.delta") return String(delta);
  return typeof delta === "object" ? (delta.text ?? "") : "";
}

async function ask(gateway: TestGateway, client: ClientDialect, model: string): Promise<Streamed> {
  const started = performance.now();
  const response = await fetch(`${gateway.url}${client.endpoint}`, {
    method: "POST",
    headers: { authorization: `Bearer ${API_KEY}`, "content-type": "application/json" },
    body: body(client, model),
  });
  const result: Streamed = { firstTokenMs: -1, text: "", ended: false };
  const parser = createParser({
    onEvent({ data }) {
      if (data === "[DONE]") {
        result.ended = true;
        return;
      }
      const event = JSON.parse(data) as Record<string, unknown>;
      if (event.type === "message_stop" || event.type === "response.completed") result.ended = true;
      const words = wordsOf(event);
      if (words !== "" && result.firstTokenMs < 0) result.firstTokenMs = performance.now() - started;
      result.text += words;
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk, { stream: true }));
  return result;
}

/** Each request's words are its model's name over and over, so that a mixed stream shows. */
function answer(
  { body: asked, path }: UpstreamRequest,
  paceMs: number,
): { headers: Record<string, string>; steps: Step[] } {
  const { model } = JSON.parse(asked.toString()) as { model: string };
  const speaks = path.endsWith("/messages") ? "anthropic-messages" : "openai-chat";
  const events = streamOf(
    speaks,
    Array.from({ length: WORDS }, () => `${model} `),
  );
  return {
    headers: EVENT_STREAM,
    steps: events.flatMap((send): Step[] => (paceMs > 0 ? [{ waitMs: paceMs }, { send }] : [{ send }])),
  };
}

async function firstTokens(gateway: TestGateway): Promise<Record<string, number>> {
  const [chat, , messages] = CLIENT_DIALECTS;
  if (chat === undefined || messages === undefined) throw new Error("dialects are missing");
  const passed: number[] = [];
  const translated: number[] = [];
  for (let at = 0; at < FIRST_TOKENS + 20; at++) {
    const pair = [await ask(gateway, chat, "gpt-first"), await ask(gateway, messages, "gpt-first")];
    if (at < 20) continue;
    passed.push(pair[0]?.firstTokenMs ?? Number.NaN);
    translated.push(pair[1]?.firstTokenMs ?? Number.NaN);
  }
  return {
    first_token_passed_p50_ms: rounded(median(passed)),
    first_token_translated_p50_ms: rounded(median(translated)),
    first_token_ratio: rounded(median(translated) / median(passed)),
  };
}

/** Streams at once, every client dialect against both kinds of backend; how many came whole and unmixed. */
async function manyStreams(gateway: TestGateway): Promise<Record<string, number>> {
  const started = performance.now();
  const all = await Promise.all(
    Array.from({ length: STREAMS }, async (_, at) => {
      const client = CLIENT_DIALECTS[at % 3];
      if (client === undefined) return false;
      const model = `${at % 2 === 0 ? "gpt" : "claude"}-${at}`;
      const { text, ended } = await ask(gateway, client, model);
      return ended && text === `${model} `.repeat(WORDS);
    }),
  );
  return {
    streams_at_once: STREAMS,
    streams_broken: all.filter((whole) => !whole).length,
    streams_elapsed_ms: Math.round(performance.now() - started),
  };
}

async function run(): Promise<Measured> {
  const figures: Record<string, number> = {};
  for (const client of CLIENT_DIALECTS.filter(({ name }) => REQUESTS[name] !== undefined)) {
    for (const speaks of ["openai-chat", "anthropic-messages"] as const) {
      figures[`event_us_${client.name}_from_${speaks}`.replaceAll("-", "_")] = rounded(
        perEvent(client, speaks),
      );
    }
  }
  let paceMs = 0;
  const upstream: Upstream = await startUpstream((request) => answer(request, paceMs));
  const gateway = await startTestGateway({
    vars: {
      OPENAI_API_KEY: "k",
      OPENAI_BASE_URL: `${upstream.url}/v1`,
      ANTHROPIC_API_KEY: "k",
      ANTHROPIC_BASE_URL: upstream.url,
    },
  });
  try {
    Object.assign(figures, await firstTokens(gateway));
    paceMs = 20;
    Object.assign(figures, await manyStreams(gateway));
  } finally {
    await gateway.close();
    await upstream.close();
  }
  return {
    conditions: {
      events: `${EVENTS} content events a stream, least of ${LOOPS} loops in Node.js; goal 50 µs`,
      "first token": `${FIRST_TOKENS} pairs in turn, chat passed against messages translated, OpenAI backend; goal ratio 1.5`,
      streams: `${STREAMS} at once, 3 client dialects, 2 kinds of backend, ${WORDS} words at 20 ms; client and upstream share the cores`,
    },
    figures,
  };
}

/** The dialects: what a translated event costs, what translation does to the first token, and whether streams keep apart. */
export const wire: Benchmark = {
  about: "CPU of a translated event, first token translated against passed, 256 streams at once",
  run,
};
