import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chatReply, chatStreamSteps, EVENT_STREAM } from "../harness/chat-replies.ts";
import { startTestGateway, type TestGateway } from "../harness/gateway.ts";
import { startTestNode, type TestNode } from "../harness/node.ts";
import { startUpstream, type Upstream } from "../harness/upstream.ts";

const SILENCE_MS = 120_000;
const BODY = { messages: [{ role: "user", content: "slow" }], stream: true };

let upstream: Upstream;
let gateway: TestGateway;
let node: TestNode;

beforeAll(async () => {
  upstream = await startUpstream((request) => {
    if (request.method === "GET") {
      const list = { object: "list", data: [{ id: "slow-model", object: "model" }] };
      return { headers: { "content-type": "application/json" }, steps: [{ send: JSON.stringify(list) }] };
    }
    if (!request.body.includes('"slow"')) return chatReply({ content: "quick" });
    return {
      headers: EVENT_STREAM,
      before: [{ waitMs: SILENCE_MS }],
      steps: [{ waitMs: SILENCE_MS }, ...chatStreamSteps({ tokens: ["at", " last"] })],
    };
  });
  gateway = await startTestGateway({
    vars: { OPENAI_API_KEY: "canned", OPENAI_BASE_URL: `${upstream.url}/v1` },
  });
  node = await startTestNode({ gateway, attach: [`${upstream.url}/v1`] });
});

afterAll(async () => {
  await node.close();
  await gateway.close();
  await upstream.close();
});

describe("120 s of silence before the headers and again before the first token end in the whole answer", () => {
  test.concurrent.each(["gpt-5-mini", "slm/slow-model"])("%s", async (model) => {
    const startedAt = performance.now();
    const response = await gateway.chat({ ...BODY, model });
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(text).toContain('"content":" last"');
    expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(2 * SILENCE_MS - 1_000);
  });
});
