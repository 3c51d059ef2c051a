import { LLMock } from "@copilotkit/aimock";

const REPLY_USAGE = {
  prompt_tokens: 20,
  completion_tokens: 6,
  total_tokens: 26,
  input_tokens: 20,
  output_tokens: 6,
};

/** A healthy upstream that is not of our hand: what it says must pass for well without our having written it. */
export async function startAimock(): Promise<{ port: number; close(): Promise<void> }> {
  const mock = new LLMock({ port: 0, host: "127.0.0.1", logLevel: "silent" });
  mock.onMessage("aimock: text", { content: "Hello from aimock.", usage: REPLY_USAGE });
  mock.onMessage("aimock: reasoning and text", {
    content: "Thought through.",
    reasoning: "Let me think.",
    usage: REPLY_USAGE,
  });
  mock.onMessage("aimock: a tool call", {
    toolCalls: [{ name: "weather", arguments: '{"city":"Zürich"}' }],
    usage: REPLY_USAGE,
  });
  await mock.start();
  return { port: mock.port, close: () => mock.stop() };
}
