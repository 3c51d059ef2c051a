import { chatEvent } from "../../test/harness/chat-replies.ts";
import { listenOnLoopback } from "../../test/harness/http-server.ts";
import { serveParent } from "../lib/child.ts";

// A canned OpenAI-compatible provider that costs as little as it can: it parses nothing and keeps nothing.

const WHOLE = Buffer.from(
  JSON.stringify({
    id: "chatcmpl-canned",
    object: "chat.completion",
    created: 1_760_000_000,
    model: "gpt-5-mini",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "A canned answer. ".repeat(20) },
        finish_reason: "stop",
      },
    ],
    usage: { prompt_tokens: 120, completion_tokens: 80, total_tokens: 200 },
  }),
);
const FIRST = Buffer.from(chatEvent({ model: "gpt-5-mini", delta: { role: "assistant", content: "A" } }));
const REST = Buffer.from(
  Array.from({ length: 9 }, () => chatEvent({ model: "gpt-5-mini", delta: { content: " word" } })).join("") +
    chatEvent({ model: "gpt-5-mini", delta: {}, finishReason: "stop" }) +
    chatEvent({
      model: "gpt-5-mini",
      usage: { prompt_tokens: 120, completion_tokens: 10, total_tokens: 130 },
    }) +
    "data: [DONE]\n\n",
);

serveParent(async () => {
  const server = await listenOnLoopback((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      response.socket?.setNoDelay(true);
      if (!Buffer.concat(chunks).includes('"stream":true')) {
        response.writeHead(200, { "content-type": "application/json", "content-length": WHOLE.byteLength });
        response.end(WHOLE);
        return;
      }
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(FIRST);
      setImmediate(() => response.end(REST));
    });
  });
  return server.url;
});
