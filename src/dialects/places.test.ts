import { describe, expect, it } from "vitest";
import { anthropicMessagesBackend } from "./anthropic-messages/backend.ts";
import { anthropicMessages } from "./anthropic-messages/client.ts";
import type { BackendDialect, ClientDialect } from "./dialect.ts";
import { openAiChatBackend } from "./openai-chat/backend.ts";
import { openAiChat } from "./openai-chat/client.ts";
import { openAiResponses } from "./openai-responses/client.ts";

const requestOf = (client: ClientDialect, body: object) =>
  client.parse(new TextEncoder().encode(JSON.stringify({ model: "m", ...body }))).request?.();

const TEXT = { type: "text", text: "a" };
const FILE_IMAGE = { type: "image", source: { type: "file", file_id: "f" } };
const BLOCK_BY_URL = { type: "document", source: { type: "url", url: "http://a/b.pdf" } };
const CALL = { role: "assistant", content: [{ type: "tool_use", id: "t", name: "f", input: {} }] };
const result = (content: object[]) => ({ type: "tool_result", tool_use_id: "t", content });

const REFUSED: [ClientDialect, BackendDialect, object, string][] = [
  [
    anthropicMessages,
    openAiChatBackend,
    {
      max_tokens: 1,
      system: "s",
      messages: [
        { role: "user", content: "a" },
        CALL,
        { role: "user", content: [result([TEXT]), TEXT, FILE_IMAGE] },
      ],
    },
    "messages[2].content[2]",
  ],
  [
    anthropicMessages,
    openAiChatBackend,
    {
      max_tokens: 1,
      messages: [
        { role: "user", content: "a" },
        CALL,
        { role: "user", content: [TEXT, result([BLOCK_BY_URL])] },
      ],
    },
    "messages[2].content[1].content[0]",
  ],
  [
    openAiChat,
    anthropicMessagesBackend,
    {
      messages: [
        { role: "system", content: "s" },
        { role: "user", content: [TEXT, { type: "input_audio", input_audio: { data: "", format: "wav" } }] },
      ],
    },
    "messages[1].content[1]",
  ],
  [
    openAiChat,
    anthropicMessagesBackend,
    {
      messages: [
        {
          role: "user",
          content: [TEXT, { type: "file", file: { file_id: "f" } }],
          cache_control: { type: "x" },
        },
      ],
    },
    "messages[0].content[1]",
  ],
  [
    openAiResponses,
    openAiChatBackend,
    {
      instructions: "s",
      input: [
        { role: "user", content: "a" },
        {
          role: "user",
          content: [
            { type: "input_text", text: "a" },
            { type: "input_image", file_id: "f" },
          ],
        },
      ],
    },
    "input[1].content[1]",
  ],
  [
    openAiResponses,
    anthropicMessagesBackend,
    {
      input: [
        { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
        {
          type: "function_call_output",
          call_id: "c",
          output: [{ type: "input_file", file_id: "f" }],
        },
      ],
    },
    "input[1].output[0]",
  ],
];

describe("what a backend cannot read", () => {
  it.each(REFUSED)("is named where the caller put it: %#", (client, backend, body, place) => {
    const request = requestOf(client, body);
    if (request === undefined) throw new Error("not translated");
    const problems = backend.problems(request, { model: "m" });
    expect(problems).toEqual([
      { param: place, message: expect.stringMatching(`^\`${place.replace(/[[\].]/g, "\\$&")}\` `) },
    ]);
  });
});

describe("an item of a responses request", () => {
  it.each([
    [{ type: "function_call", name: "f", arguments: "{}" }, "input[0].call_id", "is missing"],
    [
      { type: "function_call_output", call_id: "c", output: {} },
      "input[0].output",
      "expected string or array",
    ],
    [
      { type: "function_call_output", call_id: "c", output: [{ type: "text", text: "a" }] },
      "input[0].output[0].type",
      "",
    ],
    [{ role: "wizard", content: "a" }, "input[0].role", ""],
    [{ type: null, role: "user", content: 5 }, "input[0].content", "expected string or array"],
  ])("is refused by its own field: %j", (item, param, message) => {
    expect(() => requestOf(openAiResponses, { input: [item] })).toThrowError(
      expect.objectContaining({ code: "invalid_type", param, message: expect.stringContaining(message) }),
    );
  });

  it("may be a message without a type", () => {
    for (const type of [undefined, null, "message"])
      expect(requestOf(openAiResponses, { input: [{ type, role: "user", content: "a" }] })?.messages).toEqual(
        [{ role: "user", content: [{ type: "text", text: "a" }] }],
      );
  });
});
