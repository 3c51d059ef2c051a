import { describe, expect, it } from "vitest";
import { anthropicMessagesBackend } from "./anthropic-messages/backend.ts";
import { anthropicMessages } from "./anthropic-messages/client.ts";
import { openAiChatBackend } from "./openai-chat/backend.ts";
import { openAiChat } from "./openai-chat/client.ts";
import { openAiResponses } from "./openai-responses/client.ts";

/** More than fit on the stack as arguments of one call. */
const MANY = 200_000;
const USER = { role: "user", content: "hi" };
const many = (item: object) => Array.from({ length: MANY }, () => item);
const TEXT = { type: "text", text: "a" };

const REQUESTS: [string, typeof openAiChat, object][] = [
  ["chat: parts of a user's message", openAiChat, { messages: [{ role: "user", content: many(TEXT) }] }],
  [
    "chat: parts of an instruction within",
    openAiChat,
    { messages: [USER, { role: "system", content: many(TEXT) }, { role: "system", content: "b" }, USER] },
  ],
  [
    "chat: parts of an assistant's message",
    openAiChat,
    { messages: [USER, { role: "assistant", content: many(TEXT) }, USER] },
  ],
  [
    "chat: tool calls",
    openAiChat,
    {
      messages: [
        USER,
        {
          role: "assistant",
          tool_calls: many({ id: "c", type: "function", function: { name: "f", arguments: "{}" } }),
        },
        USER,
      ],
    },
  ],
  [
    "messages: blocks of a document",
    anthropicMessages,
    {
      max_tokens: 1,
      messages: [
        {
          role: "user",
          content: [{ type: "document", source: { type: "content", content: many(TEXT) } }],
        },
      ],
    },
  ],
  [
    "messages: images in a tool's result",
    anthropicMessages,
    {
      max_tokens: 1,
      messages: [
        USER,
        { role: "assistant", content: [{ type: "tool_use", id: "c", name: "f", input: {} }] },
        {
          role: "user",
          content: [
            {
              type: "tool_result",
              tool_use_id: "c",
              content: many({ type: "image", source: { type: "url", url: "http://a" } }),
            },
          ],
        },
      ],
    },
  ],
  [
    "responses: parts of an assistant's message",
    openAiResponses,
    {
      input: [
        { role: "user", content: "hi" },
        { type: "reasoning", summary: [] },
        { role: "assistant", content: many({ type: "output_text", text: "a" }) },
        { role: "user", content: "hi" },
      ],
    },
  ],
];

const BACKENDS = [openAiChatBackend, anthropicMessagesBackend];

describe("lists that a caller chose the length of", () => {
  it.each(REQUESTS)("are rendered whole, however long: %s", { timeout: 30_000 }, (_, client, body) => {
    const request = client
      .parse(new TextEncoder().encode(JSON.stringify({ model: "m", ...body })))
      .request?.();
    if (request === undefined) throw new Error("not translated");
    for (const backend of BACKENDS) {
      const text = backend.renderRequest(request, { model: "m", stream: false });
      expect(text.length).toBeGreaterThan(MANY);
    }
  });
});
