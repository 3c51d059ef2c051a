import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { chatEvent, chatReply, EVENT_STREAM, errorReply } from "./harness/chat-replies.ts";
import { API_KEY, startTestGateway, type TestGateway } from "./harness/gateway.ts";
import { messageReply } from "./harness/messages-replies.ts";
import { startUpstream, type Upstream } from "./harness/upstream.ts";

let upstream: Upstream;
let gateway: TestGateway;
let openai: OpenAI;
let asked = 0;

beforeAll(async () => {
  upstream = await startUpstream(chatReply({ content: "made" }));
  gateway = await startTestGateway({
    vars: {
      OPENAI_API_KEY: "provider-key",
      OPENAI_BASE_URL: `${upstream.url}/v1`,
      ANTHROPIC_API_KEY: "anthropic-key",
      ANTHROPIC_BASE_URL: upstream.url,
    },
  });
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: API_KEY, maxRetries: 0 });
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const settings = (value: object) =>
  gateway.admin("/api/settings", { method: "PUT", body: JSON.stringify(value) });

beforeEach(() => {
  upstream.always(messageReply({ blocks: [{ type: "text", text: "made" }] }));
  asked = upstream.requests.length;
});
afterEach(() => settings({}));

const ask = (more: object = {}) =>
  openai.responses
    .create({
      model: "claude-x",
      input: "make it",
      background: true,
      ...more,
    } as OpenAI.Responses.ResponseCreateParamsNonStreaming)
    .withResponse();

/** An answer that waits until the test lets it go. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.always({
    ...messageReply({ blocks: [{ type: "text", text: "made" }] }),
    before: [{ waitFor: promise }],
  });
  return { open: resolve };
}

const statusOf = async (id: string) => (await openai.responses.retrieve(id)).status;
const until = (id: string, status: string) =>
  expect.poll(() => statusOf(id), { timeout: 20_000 }).toBe(status);

describe("a response in the background", () => {
  it("is answered at once, made without its client, and read by its id", async () => {
    const { open } = gate();
    const { data, response } = await ask();
    expect(data).toMatchObject({ status: "queued", background: true, store: true, output: [] });
    const call = response.headers.get("x-routelet-call");
    expect(response.headers.get("x-routelet-served-by")).toBe("pending");
    await until(data.id, "in_progress");
    open();
    await until(data.id, "completed");
    expect(await openai.responses.retrieve(data.id)).toMatchObject({
      id: data.id,
      background: true,
      output_text: "made",
    });
    await expect
      .poll(() => gateway.admin(`/api/calls/${call}`))
      .toMatchObject({ outcome: "done", served_by: "llm/anthropic/claude-x", usage: { output_tokens: 4 } });
    expect(upstream.requests.slice(asked)).toHaveLength(1);
  });

  it("is gone on from when it has been made, and not before", async () => {
    const { open } = gate();
    const { data } = await ask();
    const next = { model: "claude-x", input: "more", previous_response_id: data.id };
    await expect(openai.responses.create(next)).rejects.toMatchObject({
      status: 400,
      code: "response_not_finished",
      param: "previous_response_id",
    });
    open();
    await until(data.id, "completed");
    expect((await openai.responses.create(next)).output_text).toBe("made");
    expect(upstream.requests.at(-1)?.body.toString()).toContain("make it");
  });

  it("is cancelled, which its provider is told, and stays so", async () => {
    gate();
    const { data, response } = await ask();
    await until(data.id, "in_progress");
    const request = await upstream.waitForRequest(asked + 1);
    expect(await openai.responses.cancel(data.id)).toMatchObject({ id: data.id, status: "cancelled" });
    await request.whenAborted;
    expect(await openai.responses.cancel(data.id)).toMatchObject({ status: "cancelled" });
    expect(await statusOf(data.id)).toBe("cancelled");
    await expect
      .poll(() => gateway.admin(`/api/calls/${response.headers.get("x-routelet-call")}`))
      .toMatchObject({ outcome: "cancelled" });
  });

  it("is gone for good when it is deleted while it is made", async () => {
    gate();
    const { data } = await ask();
    const request = await upstream.waitForRequest(asked + 1);
    await openai.responses.delete(data.id);
    await request.whenAborted;
    await expect(statusOf(data.id)).rejects.toMatchObject({ status: 404 });
  });

  it("says why it failed", async () => {
    await settings({ retries: { attempts: 0 } });
    upstream.always({
      status: 500,
      headers: { "content-type": "application/json" },
      steps: [{ send: '{"type":"error","error":{"type":"api_error","message":"canned failure"}}' }],
    });
    const { data } = await ask();
    await until(data.id, "failed");
    expect((await openai.responses.retrieve(data.id)).error).toMatchObject({ message: "canned failure" });
  });

  it.each([
    ["store: false", { store: false }, {}, {}, "invalid_value"],
    ["nothing that may be kept", {}, { content: { store: "off" } }, {}, "store_unavailable"],
    [
      "a key of the caller's own",
      {},
      { pass_provider_key: true },
      { "x-routelet-provider-key": "anthropic=sk-mine" },
      "provider_key_not_kept",
    ],
    ["what the backend cannot honour", { conversation: "conv_1" }, {}, {}, "unsupported_parameter"],
  ])("is refused at once for %s", async (_name, body, set, headers, code) => {
    await settings(set);
    const refused = openai.responses.create(
      {
        model: "claude-x",
        input: "x",
        background: true,
        ...body,
      } as OpenAI.Responses.ResponseCreateParamsNonStreaming,
      { headers },
    );
    await expect(refused).rejects.toMatchObject({ status: 400, code });
    expect(upstream.requests.slice(asked)).toEqual([]);
  });
});

describe("a stream of a response in the background", () => {
  /** A chat stream of two words, the second of which waits. */
  function gatedStream() {
    const { promise, resolve } = Promise.withResolvers<void>();
    upstream.always(({ path }) =>
      path === "/v1/chat/completions"
        ? {
            headers: EVENT_STREAM,
            steps: [
              { send: chatEvent({ delta: { role: "assistant", content: "one" } }) },
              { waitFor: promise },
              { send: chatEvent({ delta: { content: " two" } }) },
              { send: chatEvent({ delta: {}, finishReason: "stop" }) },
              { send: "data: [DONE]\n\n" },
            ],
          }
        : errorReply({ status: 404, code: "none" }),
    );
    return { open: resolve };
  }

  const start = () =>
    openai.responses.create({ model: "gpt-x", input: "make it", background: true, stream: true });
  type Event = OpenAI.Responses.ResponseStreamEvent;
  const all = async (stream: AsyncIterable<Event>): Promise<Event[]> => {
    const events: Event[] = [];
    for await (const event of stream) events.push(event);
    return events;
  };
  const numbers = (events: readonly Event[]) => events.map(({ sequence_number }) => sequence_number);
  const text = (events: readonly Event[]) =>
    events.map((event) => (event.type === "response.output_text.delta" ? event.delta : "")).join("");

  it("goes on where its client left, whenever that comes back", async () => {
    const { open } = gatedStream();
    const seen: Event[] = [];
    let id = "";
    for await (const event of await start()) {
      seen.push(event);
      if (event.type === "response.created") id = event.response.id;
      if (event.type === "response.output_text.delta") break;
    }
    expect(text(seen)).toBe("one");
    const after = seen.at(-1)?.sequence_number ?? -1;
    const rest = openai.responses.retrieve(id, { stream: true, starting_after: after });
    const resumed = all(await rest);
    open();
    const more = await resumed;
    expect(text(more)).toBe(" two");
    expect(numbers([...seen, ...more])).toEqual([...seen, ...more].map((_, at) => at));
    expect(more.at(-1)).toMatchObject({ type: "response.completed", response: { id, background: true } });
    await until(id, "completed");
    const later = await all(await openai.responses.retrieve(id, { stream: true, starting_after: after }));
    expect(numbers(later)).toEqual(numbers(more));
    const whole = await all(await openai.responses.retrieve(id, { stream: true }));
    expect(text(whole)).toBe("one two");
  });

  it("cannot be followed where it was asked for without one, until it has been made", async () => {
    const { open } = gate();
    const { data } = await ask();
    await expect(openai.responses.retrieve(data.id, { stream: true })).rejects.toMatchObject({
      status: 400,
      param: "stream",
    });
    open();
    await until(data.id, "completed");
    const events = await all(await openai.responses.retrieve(data.id, { stream: true }));
    expect(text(events)).toBe("made");
  });
});

describe("a gateway that is started anew while it makes a response", () => {
  it("makes it once more", async () => {
    gate();
    const { data } = await ask();
    await upstream.waitForRequest(asked + 1);
    upstream.always(messageReply({ blocks: [{ type: "text", text: "made again" }] }));
    await gateway.restart();
    await until(data.id, "completed");
    expect((await openai.responses.retrieve(data.id)).output_text).toBe("made again");
    expect(upstream.requests.slice(asked)).toHaveLength(2);
  });
});
