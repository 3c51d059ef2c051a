import OpenAI from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import { chatReply } from "./harness/chat-replies.ts";
import { API_KEY, startTestGateway, type TestGateway } from "./harness/gateway.ts";
import { startTestNode, type TestNode } from "./harness/node.ts";
import { type Reply, startUpstream, type Upstream, type UpstreamRequest } from "./harness/upstream.ts";

const json = (body: unknown, status = 200): Reply => ({
  status,
  headers: { "content-type": "application/json" },
  steps: [{ send: JSON.stringify(body) }],
});

const VECTOR = [0.5, -2];

/** A server with a model that writes and one that makes vectors, as an owner may run it. */
function engine({ method, path, body }: UpstreamRequest): Reply {
  if (method === "GET") return json({ object: "list", data: [{ id: "writer" }, { id: "vectors" }] });
  const { model, input, suffix, stream } = JSON.parse(body.toString());
  if (path === "/v1/embeddings" && model === "vectors") {
    const inputs = Array.isArray(input) ? input : [input];
    const data = inputs.map((_, index) => ({ object: "embedding", index, embedding: VECTOR }));
    return json({ object: "list", data, model, usage: { prompt_tokens: 2, total_tokens: 2 } });
  }
  if (path === "/v1/chat/completions" && model === "writer") return chatReply({ content: "hello", model });
  if (path === "/v1/completions" && model === "writer") {
    const usage = { prompt_tokens: suffix === undefined ? 3 : 9, completion_tokens: 1, total_tokens: 4 };
    const completion = {
      id: "cmpl-1",
      object: "text_completion",
      created: 1,
      model,
      choices: [{ index: 0, text: "a, b", logprobs: null, finish_reason: "stop" }],
    };
    if (!stream) return json({ ...completion, usage });
    const chunks = [completion, { ...completion, choices: [], usage }, "[DONE]"];
    return {
      headers: { "content-type": "text/event-stream" },
      steps: chunks.map((chunk) => ({
        send: `data: ${typeof chunk === "string" ? chunk : JSON.stringify(chunk)}\n\n`,
      })),
    };
  }
  return json(
    { error: { message: "not here", type: "invalid_request_error", param: null, code: "no" } },
    400,
  );
}

let upstream: Upstream;
let cloud: Upstream;
let gateway: TestGateway;
let node: TestNode;
let openai: OpenAI;

interface Served {
  id: string;
  capabilities: Record<string, boolean>;
}

async function served(): Promise<Served[]> {
  const { data } = (await gateway.admin("/api/nodes")) as { data: { state: { models: Served[] } }[] };
  return data[0]?.state.models ?? [];
}

beforeAll(async () => {
  upstream = await startUpstream(engine);
  cloud = await startUpstream(json({ error: { message: "the cloud was asked" } }, 500));
  gateway = await startTestGateway({
    vars: { OPENAI_API_KEY: "provider-key", OPENAI_BASE_URL: `${cloud.url}/v1` },
  });
  node = await startTestNode({ gateway, attach: [`${upstream.url}/v1`] });
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: API_KEY, maxRetries: 0 });
  // Each model is probed with a few requests of its own.
  while (!(await served()).every(({ capabilities }) => capabilities.completions || capabilities.embeddings))
    await new Promise((resolve) => setTimeout(resolve, 50));
  // The list refreshes the isolate's snapshot.
  for await (const _ of openai.models.list());
});

afterAll(async () => {
  await node.close();
  await gateway.close();
  await cloud.close();
  await upstream.close();
});

it("the engine is asked what each model can do", async () => {
  expect(await served()).toMatchObject([
    { id: "writer", capabilities: { chat: true, completions: true, suffix: true, embeddings: false } },
    { id: "vectors", capabilities: { chat: false, completions: false, embeddings: true } },
  ]);
});

it.each(["slm", "auto", "slm/vectors"])(
  "vectors come from the node's model that makes them: %s",
  async (model) => {
    const { data, response } = await openai.embeddings.create({ model, input: ["a", "b"] }).withResponse();
    expect(data.data.map(({ embedding }) => embedding)).toEqual([VECTOR, VECTOR]);
    expect(response.headers.get("x-routelet-served-by")).toBe("slm/vectors");
  },
);

it("texts are completed by the node's model that writes, with what is to come after them", async () => {
  const asked = { model: "slm", prompt: "def add(", suffix: "):" };
  const { data, response } = await openai.completions.create(asked).withResponse();
  expect(data.choices[0]?.text).toBe("a, b");
  expect(response.headers.get("x-routelet-served-by")).toBe("slm/writer");
  let streamed = "";
  for await (const chunk of await openai.completions.create({ ...asked, stream: true }))
    streamed += chunk.choices[0]?.text ?? "";
  expect(streamed).toBe("a, b");
});

it("chat does not go to a model that only makes vectors", async () => {
  const { model } = await openai.chat.completions.create({
    model: "slm",
    messages: [{ role: "user", content: "hi" }],
  });
  expect(model).toBe("writer");
});

it.each([
  ["vectors of a model that writes", "/embeddings", { model: "slm/writer", input: "a" }],
  ["a text of a model that makes vectors", "/completions", { model: "slm/vectors", prompt: "a" }],
])("%s are refused by name, and the cloud is not asked instead", async (_name, path, body) => {
  const before = cloud.requests.length;
  const error = await openai.post(path, { body }).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ status: 400, code: "unsupported_parameter" });
  expect(cloud.requests.length).toBe(before);
});
