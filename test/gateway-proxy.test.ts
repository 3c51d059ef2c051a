import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { chatReply, chatStream } from "./harness/chat-replies.ts";
import { startTestGateway, type TestGateway } from "./harness/gateway.ts";
import { startUpstream, type Upstream } from "./harness/upstream.ts";

const MESSAGES = [{ role: "user", content: "hello" }];

/** A forward proxy (RFC 9110 section 9.3.6) whose only way out is the provider of this test. */
const proxy = createServer();
const asked: string[] = [];
let upstream: Upstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startUpstream(chatReply({ content: "through the proxy" }));
  proxy.on("connect", (request, client, head) => {
    asked.push(request.url ?? "");
    const server = connect(Number(new URL(upstream.url).port), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      server.write(head);
      server.pipe(client);
      client.pipe(server);
    });
    server.on("error", () => client.destroy());
    client.on("error", () => server.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  process.env.HTTP_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  gateway = await startTestGateway({
    vars: { OPENAI_API_KEY: "k", OPENAI_BASE_URL: "http://cloud.invalid/v1" },
  });
  delete process.env.HTTP_PROXY;
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
  proxy.closeAllConnections();
  proxy.close();
});

it("a cloud provider is reached through the proxy that the environment names, streams included", async () => {
  const whole = await gateway.chat({ model: "gpt-x", messages: MESSAGES });
  expect(await whole.json()).toMatchObject({ choices: [{ message: { content: "through the proxy" } }] });
  upstream.enqueue(chatStream({ tokens: ["one", "two"] }));
  const streamed = await gateway.chat({ model: "gpt-x", messages: MESSAGES, stream: true });
  expect(await streamed.text()).toContain('"content":"two"');
  expect(asked).toContain("cloud.invalid:80");
});
