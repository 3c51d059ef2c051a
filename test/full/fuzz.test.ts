import { createParser } from "eventsource-parser";
import { describe, expect, it } from "vitest";
import { FIELD_SAMPLES } from "../../scripts/docs/field-samples.ts";
import type { WireDialect } from "../../src/dialects/call.ts";
import type { ClientDialect, RenderContext, ReplyStream } from "../../src/dialects/dialect.ts";
import { backendDialect, CLIENT_DIALECTS } from "../../src/dialects/registry.ts";
import { translateStream, translateWhole } from "../../src/dialects/translate.ts";
import { RouteletError } from "../../src/errors.ts";
import { seededRandom } from "../../src/routing/statistics/seeded-random.ts";
import { chatEvent } from "../harness/chat-replies.ts";
import { messageStreamSteps } from "../harness/messages-replies.ts";
import { drawnPieces, mutate } from "../harness/mutate.ts";

const STREAMED_EVENTS = 1_000_000;
const BODIES = 100_000;

const encode = (text: string) => new TextEncoder().encode(text);

const PLAIN: Partial<Record<WireDialect, object>> = {
  "openai-chat": { messages: [{ role: "user", content: "x" }] },
  "openai-responses": { input: "x" },
  "anthropic-messages": { messages: [{ role: "user", content: "x" }], max_tokens: 9 },
};

const CLIENTS = CLIENT_DIALECTS.filter(({ name }) => PLAIN[name] !== undefined);

function contextOf(client: ClientDialect): RenderContext {
  const body = { model: "m", stream: true, ...PLAIN[client.name] };
  return {
    call: client.parse(encode(JSON.stringify(body))),
    callId: "call_fuzz",
    renameModel: null,
    estimatedInputTokens: 1,
    now: 0,
  };
}

const call = (index: number, more: object) => ({ tool_calls: [{ index, ...more }] });

const CHAT = [
  chatEvent({ delta: { role: "assistant", content: "" } }),
  chatEvent({ delta: { reasoning_content: "hm" } }),
  chatEvent({ delta: { content: "Grüße 👋" } }),
  chatEvent({ delta: call(0, { id: "a", type: "function", function: { name: "f", arguments: '{"x":' } }) }),
  chatEvent({ delta: call(0, { function: { arguments: "1}" } }) }),
  chatEvent({ delta: call(1, { id: "b", type: "function", function: { name: "g", arguments: "" } }) }),
  chatEvent({ delta: {}, finishReason: "tool_calls" }),
  chatEvent({ usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }),
  "data: [DONE]\n\n",
].join("");

const MESSAGES = messageStreamSteps({
  blocks: [
    { type: "thinking", thinking: "hm", signature: "c2ln" },
    { type: "text", text: "Grüße 👋" },
    { type: "tool_use", id: "t", name: "f", input: { x: 1 } },
  ],
  stopReason: "tool_use",
})
  .map((step) => ("send" in step ? step.send : ""))
  .join("");

const RESPONSE_EVENTS = [
  {
    type: "response.created",
    response: { id: "resp_1", object: "response", status: "in_progress", model: "m", output: [] },
  },
  { type: "response.output_item.added", output_index: 0, item: { type: "message", id: "m1" } },
  { type: "response.output_text.delta", output_index: 0, item_id: "m1", content_index: 0, delta: "Grüße 👋" },
  {
    type: "response.completed",
    response: {
      id: "resp_1",
      object: "response",
      status: "completed",
      model: "m",
      output: [],
      usage: { input_tokens: 1, output_tokens: 2 },
    },
  },
]
  .map(
    (event, sequence_number) =>
      `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number })}\n\n`,
  )
  .join("");

const NATIVE: Partial<Record<WireDialect, string>> = {
  "openai-chat": CHAT,
  "openai-responses": RESPONSE_EVENTS,
  "anthropic-messages": MESSAGES,
};

/** Feeds a mutated stream through, and holds what comes out to what every client can read. */
function feed(stream: ReplyStream, text: string, random: () => number): void {
  let out = "";
  const decoder = new TextDecoder();
  const take = (pieces: readonly Uint8Array[]) => {
    for (const piece of pieces) out += decoder.decode(piece, { stream: true });
  };
  for (const piece of drawnPieces(encode(text), random)) take(stream.push(piece));
  take(stream.flush());
  if (stream.facts.inBandError !== null) take(stream.fail(stream.facts.inBandError));
  else if (stream.facts.complete) take(stream.end());
  else take(stream.fail(new RouteletError({ kind: "upstream", code: "cut", message: "cut" })));
  const parser = createParser({
    onEvent({ data }) {
      if (data !== "[DONE]") JSON.parse(data);
    },
  });
  parser.feed(out);
}

/** Runs mutations of a text until so many events went through; a failure names the seed that makes it again. */
function fuzz(options: { text: string; events: number; seed: number; open: () => ReplyStream }): void {
  const each = options.text.split("\n\n").length;
  for (let done = 0, round = 0; done < options.events; done += each, round++) {
    const seed = options.seed + round;
    const random = seededRandom(seed);
    const mutated = mutate(options.text, random);
    try {
      feed(options.open(), mutated, random);
    } catch (cause) {
      throw new Error(`seed ${seed}: ${JSON.stringify(mutated)}`, { cause });
    }
  }
}

describe(`${STREAMED_EVENTS.toLocaleString("en")} mutated events through each parser of streams`, () => {
  it.each(CLIENTS.map((client) => [client.name, client] as const))("%s passed", (name, client) => {
    const context = contextOf(client);
    fuzz({
      text: NATIVE[name] ?? "",
      events: STREAMED_EVENTS,
      seed: 1,
      open: () => client.passStream(context),
    });
  });

  it.each(
    (["openai-chat", "anthropic-messages"] as const).flatMap((speaks) =>
      CLIENTS.map((client) => [speaks, client.name, client] as const),
    ),
  )("%s read, %s rendered", (speaks, _name, client) => {
    const backend = backendDialect(speaks);
    const context = contextOf(client);
    const request = context.call.request?.();
    if (backend === null || request === undefined) throw new Error("not translated");
    fuzz({
      text: NATIVE[speaks] ?? "",
      events: STREAMED_EVENTS / CLIENTS.length,
      seed: 1_000_000,
      open: () => translateStream({ backend, client, request, context }),
    });
  });
});

describe(`${BODIES.toLocaleString("en")} mutated request bodies through each parser of requests`, () => {
  it.each(CLIENTS.map((client) => [client.name, client] as const))("%s", (name, client) => {
    const samples = (FIELD_SAMPLES[name] ?? []).map(({ body }) =>
      JSON.stringify({ model: "m", ...PLAIN[name], ...body }),
    );
    const bodies = ["openai-chat", "anthropic-messages"] as const;
    for (let round = 0; round < BODIES; round++) {
      const random = seededRandom(round);
      const text = mutate(samples[round % samples.length] ?? "", random);
      try {
        const parsed = client.parse(encode(text));
        JSON.parse(parsed.passBody("other"));
        const request = parsed.request?.();
        if (request === undefined) continue;
        for (const speaks of bodies) {
          const backend = backendDialect(speaks);
          if (backend === null || backend.problems(request, { model: "m" }).length > 0) continue;
          JSON.parse(backend.renderRequest(request, { model: "m", stream: true }));
        }
      } catch (error) {
        // A refusal that names what is wrong is what a broken body is to get; anything else is a crash.
        if (error instanceof RouteletError && error.status === 400) continue;
        throw new Error(`seed ${round}: ${JSON.stringify(text)}`, { cause: error });
      }
    }
  });
});

describe(`${BODIES.toLocaleString("en")} mutated whole replies`, () => {
  it.each(
    (["openai-chat", "anthropic-messages"] as const).flatMap((speaks) =>
      CLIENTS.map((client) => [speaks, client.name, client] as const),
    ),
  )("%s read, %s rendered", (speaks, _name, client) => {
    const backend = backendDialect(speaks);
    const context = contextOf(client);
    const request = context.call.request?.();
    if (backend === null || request === undefined) throw new Error("not translated");
    const healthy =
      speaks === "openai-chat"
        ? '{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x","tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}'
        : '{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"x"},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2}}';
    for (let round = 0; round < BODIES / 2; round++) {
      const random = seededRandom(7_000_000 + round);
      const text = mutate(healthy, random);
      try {
        JSON.parse(
          new TextDecoder().decode(translateWhole(encode(text), { backend, client, request, context }).body),
        );
      } catch (error) {
        if (error instanceof RouteletError) continue;
        throw new Error(`seed ${7_000_000 + round}: ${text}`, { cause: error });
      }
    }
    expect(request.messages.length).toBeGreaterThan(0);
  });
});
