import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { AuthenticationError, NotFoundError } from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { starterModelPath } from "../local-node/src/models/starter-model.ts";
import { testAdapter } from "../local-node/src/models/testing/test-adapter.ts";
import { tinyEmbeddingModel } from "../local-node/src/models/testing/tiny-models.ts";
import { type OtlpReceiver, startOtlpReceiver } from "./harness/otlp-receiver.ts";
import { freePort, untilGone } from "./harness/processes.ts";
import { type StartProcess, spawnStart } from "./harness/start-process.ts";
import { makeTempFolder } from "./harness/temp-folder.ts";

const API_KEY = "api-key-for-tests";
const ADMIN_KEY = "admin-key-for-tests";
const QUESTION = [{ role: "user" as const, content: "What color is the sky?" }];
const SERVED_BY = "slm/smollm2-135m-instruct";

let folder: Awaited<ReturnType<typeof makeTempFolder>>;
let collector: OtlpReceiver;
let routelet: StartProcess;
let url: string;
let client: OpenAI;

// The model comes from the user's cache or is fetched once: about 100 MB.
beforeAll(async () => {
  folder = await makeTempFolder();
  collector = await startOtlpReceiver();
  const vectors = join(folder.path, "vectors.gguf");
  await writeFile(vectors, tinyEmbeddingModel());
  const tone = join(folder.path, "tone.gguf");
  await writeFile(tone, await testAdapter(await starterModelPath(), { strength: 0.03 }));
  routelet = spawnStart({
    stateDir: folder.path,
    port: await freePort(),
    env: {
      ROUTELET_API_KEY: API_KEY,
      ROUTELET_ADMIN_KEY: ADMIN_KEY,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      ROUTELET_NODE_ENGINES_EMBEDDED_MORE: JSON.stringify([vectors]),
      ROUTELET_NODE_ENGINES_EMBEDDED_ADAPTERS: `[{ name = "tone", path = ${JSON.stringify(tone)} }]`,
    },
  });
  url = await routelet.ready;
  client = new OpenAI({ baseURL: `${url}/v1`, apiKey: API_KEY, maxRetries: 0 });
});

afterAll(async () => {
  routelet.kill("SIGINT");
  await untilGone([routelet.pid]);
  await collector.close();
  await folder.remove();
});

async function recordedCall(id: string): Promise<Record<string, unknown>> {
  for (;;) {
    const response = await fetch(`${url}/api/calls/${id}`, {
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
    });
    expect(response.status).toBe(200);
    const call = (await response.json()) as Record<string, unknown>;
    if (call.outcome !== "running") return call;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("the official SDK gets an answer from the real model, which is recorded and traced as one", async () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const agentSpan = "b7ad6b7169203331";
  const { data, response } = await client.chat.completions
    .create(
      { model: "slm", messages: QUESTION, max_tokens: 24, temperature: 0 },
      { headers: { traceparent: `00-${traceId}-${agentSpan}-01` } },
    )
    .withResponse();
  expect(response.headers.get("x-routelet-served-by")).toBe(SERVED_BY);
  expect(data.choices[0]?.message.content).toMatch(/blue/);
  expect(data.usage?.completion_tokens).toBeGreaterThan(0);
  expect(data.usage?.total_tokens).toBe(
    (data.usage?.prompt_tokens ?? 0) + (data.usage?.completion_tokens ?? 0),
  );

  const call = await recordedCall(response.headers.get("x-routelet-call") ?? "");
  expect(call).toMatchObject({
    outcome: "done",
    served_by: SERVED_BY,
    usage: { output_tokens: data.usage?.completion_tokens },
    attempts: [{ kind: "node", outcome: "done" }],
  });

  const spans = await collector.waitForTrace(traceId, (found) =>
    found.some((span) => /decode/.test(span.name)),
  );
  const ids = new Set([agentSpan, ...spans.map((span) => span.spanId)]);
  expect(spans.filter((span) => !ids.has(span.parentSpanId))).toEqual([]);
  expect(spans.filter((span) => span.parentSpanId === agentSpan)).toHaveLength(1);
  const withUsage = spans.filter((span) => span.attributes["gen_ai.usage.output_tokens"] !== undefined);
  expect(withUsage).toHaveLength(1);
  expect(withUsage[0]).toMatchObject({ kind: "client" });
  expect(withUsage[0]?.attributes["gen_ai.usage.output_tokens"]).toBe(data.usage?.completion_tokens);
  expect(collector.refused).toEqual([]);
});

test("a stream brings the same text in pieces, with its usage at the end", async () => {
  const request = { model: "slm", messages: QUESTION, max_tokens: 24, temperature: 0, seed: 1 } as const;
  const whole = await client.chat.completions.create(request);
  const stream = await client.chat.completions.create({
    ...request,
    stream: true,
    stream_options: { include_usage: true },
  });
  const pieces: string[] = [];
  let usage: OpenAI.CompletionUsage | null | undefined;
  for await (const chunk of stream) {
    const piece = chunk.choices[0]?.delta.content;
    if (piece) pieces.push(piece);
    usage = chunk.usage ?? usage;
  }
  expect(pieces.join("")).toBe(whole.choices[0]?.message.content);
  expect(pieces.length).toBeGreaterThan(1);
  expect(usage?.completion_tokens).toBe(whole.usage?.completion_tokens);
});

test("a text is gone on with, whole and streamed, and a suffix that the model cannot take is refused by its name", async () => {
  const asked = { model: "slm", prompt: "One, two, three,", max_tokens: 6, temperature: 0, logprobs: 1 };
  const { data, response } = await client.completions.create(asked).withResponse();
  expect(response.headers.get("x-routelet-served-by")).toBe(SERVED_BY);
  const [choice] = data.choices;
  expect(choice?.text).toMatch(/^ four, five/);
  expect(choice?.logprobs?.tokens?.join("")).toBe(choice?.text);
  expect(data.usage).toMatchObject({ completion_tokens: 6 });
  let streamed = "";
  for await (const chunk of await client.completions.create({ ...asked, stream: true }))
    streamed += chunk.choices[0]?.text ?? "";
  expect(streamed).toBe(choice?.text);
  const refused = client.completions.create({ ...asked, suffix: "ten" });
  await expect(refused).rejects.toMatchObject({ status: 400, param: "suffix" });
});

test("vectors come from a further model of the node, which is loaded for them", async () => {
  const input = ["the sea", "the tax form"];
  let made: OpenAI.CreateEmbeddingResponse | undefined;
  // The node offers it as soon as it has looked at its file.
  while (made === undefined) {
    made = await client.embeddings.create({ model: "slm/vectors", input }).catch(async (error: unknown) => {
      if (!(error instanceof NotFoundError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return undefined;
    });
  }
  expect(made.model).toBe("vectors");
  expect(made.data.map(({ embedding }) => embedding.length)).toEqual([32, 32]);
  expect(made.data[0]?.embedding).not.toEqual(made.data[1]?.embedding);
  expect(made.usage.prompt_tokens).toBe(9);
});

test("an adapter of the model is a model of its own, by its name", async () => {
  const ids: string[] = [];
  for await (const { id } of client.models.list()) ids.push(id);
  expect(ids).toContain(`${SERVED_BY}+tone`);
  const ask = (model: string) =>
    client.chat.completions
      .create({ model, messages: QUESTION, max_tokens: 12, temperature: 0 })
      .withResponse();
  const adapted = await ask(`${SERVED_BY}+tone`);
  expect(adapted.response.headers.get("x-routelet-served-by")).toBe(`${SERVED_BY}+tone`);
  const plain = await ask(SERVED_BY);
  expect(plain.response.headers.get("x-routelet-served-by")).toBe(SERVED_BY);
  expect(adapted.data.choices[0]?.message.content).not.toBe(plain.data.choices[0]?.message.content);
  expect((await ask(`${SERVED_BY}+tone`)).data.choices[0]?.message).toEqual(adapted.data.choices[0]?.message);
});

test("Anthropic's SDK gets the same words from the node, whole and streamed", async () => {
  const anthropic = new Anthropic({ baseURL: url, apiKey: API_KEY, maxRetries: 0 });
  const request = { model: "slm", max_tokens: 24, temperature: 0, messages: QUESTION };
  const { data, response } = await anthropic.messages.create(request).withResponse();
  expect(response.headers.get("x-routelet-served-by")).toBe(SERVED_BY);
  expect(data).toMatchObject({ type: "message", role: "assistant" });
  const [block] = data.content;
  const text = block?.type === "text" ? block.text : "";
  expect(text).toMatch(/blue/);
  expect(data.usage.output_tokens).toBeGreaterThan(0);
  const streamed = await anthropic.messages.stream(request).finalMessage();
  expect(streamed.content).toMatchObject([{ type: "text", text }]);
  expect(streamed.usage.output_tokens).toBe(data.usage.output_tokens);
});

test("the responses API goes on from a stored response, with the node as the backend", async () => {
  const first = await client.responses.create({
    model: "slm",
    input: QUESTION,
    max_output_tokens: 24,
    temperature: 0,
  });
  expect(first.output_text).toMatch(/blue/);
  const second = await client.responses
    .stream({
      model: "slm",
      previous_response_id: first.id,
      input: "And the grass?",
      max_output_tokens: 16,
      temperature: 0,
    })
    .finalResponse();
  expect(second.output_text.length).toBeGreaterThan(0);
  expect(second.usage?.input_tokens).toBeGreaterThan(first.usage?.input_tokens ?? 0);
});

test("`auto` is answered by the node when no cloud provider is set", async () => {
  const { response } = await client.chat.completions
    .create({ model: "auto", messages: QUESTION, max_tokens: 8 })
    .withResponse();
  expect(response.headers.get("x-routelet-served-by")).toBe(SERVED_BY);
});

test("a client that leaves stops the model, and the call stands as cancelled with its exact usage", async () => {
  const request = {
    model: "slm",
    messages: [{ role: "user" as const, content: "Tell me a very long story about the sea." }],
    max_tokens: 2_000,
    stream: true as const,
  };
  const { data: stream, response } = await client.chat.completions.create(request).withResponse();
  let chunks = 0;
  for await (const _chunk of stream) if (++chunks === 8) stream.controller.abort();
  const call = (await recordedCall(response.headers.get("x-routelet-call") ?? "")) as {
    outcome: string;
    usage: { input_tokens: number; output_tokens: number };
  };
  expect(call.outcome).toBe("cancelled");
  expect(call.usage.input_tokens).toBeGreaterThan(20);
  expect(call.usage.output_tokens).toBeGreaterThanOrEqual(6);
  // The model would have needed minutes for all of them: it stopped within a few tokens of the client's leaving.
  expect(call.usage.output_tokens).toBeLessThan(200);
});

test("a wrong key is the SDK's authentication error", async () => {
  const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "wrong", maxRetries: 0 });
  await expect(stranger.chat.completions.create({ model: "slm", messages: QUESTION })).rejects.toThrow(
    AuthenticationError,
  );
});

test("an unknown model is the SDK's not-found error, and names the model", async () => {
  const asked = client.chat.completions.create({ model: "slm/no-such-model", messages: QUESTION });
  await expect(asked).rejects.toThrow(NotFoundError);
  await expect(asked).rejects.toThrow(/no-such-model/);
});

test("the model list names the served model", async () => {
  const ids = (await client.models.list()).data.map((model) => model.id);
  expect(ids).toContain(SERVED_BY);
});
