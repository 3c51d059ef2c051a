import { describe, expect, it } from "vitest";
import { parseMessagesCall } from "../dialects/anthropic-messages/parse.ts";
import { parseChatCall } from "../dialects/openai-chat/parse.ts";
import { parseResponsesCall } from "../dialects/openai-responses/parse.ts";
import { RouteletError } from "../errors.ts";
import type { PlannedAttempt } from "../routing/plan.ts";
import { storedProvider } from "../settings/providers.ts";
import { honourable } from "./translatable.ts";

const bytes = (body: object) => new TextEncoder().encode(JSON.stringify(body));
const chat = (more: object = {}) =>
  parseChatCall(bytes({ model: "m", messages: [{ role: "user", content: "x" }], ...more }));
const attempt = (provider: string, speaks: PlannedAttempt["speaks"] = "openai-chat"): PlannedAttempt => ({
  kind: "cloud",
  provider,
  model: "m",
  speaks,
  firstByteMs: 1,
});
const OWN = storedProvider.parse({ name: "own", baseUrl: "https://a.com", lacks: ["json_schema"] });
const ask = (call: Parameters<typeof honourable>[1], ...attempts: PlannedAttempt[]) => {
  const result = honourable({ attempts, reason: "r" }, call, [OWN]);
  return result instanceof RouteletError
    ? { code: result.code, param: result.param }
    : result.attempts.map((one) => (one.kind === "cloud" ? one.provider : one.nodeId));
};

describe("honourable", () => {
  it("leaves a call alone whose backend speaks its dialect", () => {
    expect(ask(chat({ frobnicate: 1 }), attempt("openai"))).toEqual(["openai"]);
  });

  it("sends a call only where all of it can be honoured", () => {
    const call = chat({ n: 2 });
    expect(ask(call, attempt("anthropic", "anthropic-messages"), attempt("openai"))).toEqual(["openai"]);
    expect(ask(call, attempt("groq"), attempt("openai"))).toEqual(["openai"]);
  });

  it.each([
    [
      "by what the dialect lacks",
      chat({ logit_bias: { 1: 1 } }),
      attempt("anthropic", "anthropic-messages"),
      "logit_bias",
    ],
    [
      "by what a provider of the settings lacks",
      chat({ response_format: { type: "json_schema", json_schema: { name: "x", schema: {} } } }),
      attempt("own"),
      "response_format",
    ],
    ["by what the provider lacks", chat({ logprobs: true }), attempt("groq"), "logprobs"],
    [
      "by what only its own dialect has",
      chat({ web_search_options: {} }),
      attempt("anthropic", "anthropic-messages"),
      "web_search_options",
    ],
    [
      "by its name in the caller's dialect",
      parseResponsesCall(bytes({ model: "m", input: "x", top_logprobs: 2 })),
      attempt("anthropic", "anthropic-messages"),
      "top_logprobs",
    ],
    [
      "a hosted tool",
      parseResponsesCall(bytes({ model: "m", input: "x", tools: [{ type: "web_search" }] })),
      attempt("mistral"),
      "tools[0]",
    ],
    [
      "a server tool",
      parseMessagesCall(
        bytes({
          model: "m",
          max_tokens: 1,
          messages: [{ role: "user", content: "x" }],
          tools: [{ type: "web_search_20250305", name: "web_search" }],
        }),
      ),
      attempt("openai"),
      "tools[0]",
    ],
  ])("refuses by the field's name where nobody can: %s", (_name, call, only, param) => {
    expect(ask(call, only)).toEqual({ code: "unsupported_parameter", param });
  });

  it("says what kind of tool it is", () => {
    const tools = [{ type: "namespace", name: "n", tools: [{ type: "mcp" }] }];
    const call = parseResponsesCall(bytes({ model: "m", input: "x", tools }));
    const refusal = honourable({ attempts: [attempt("mistral")], reason: "r" }, call, []);
    expect(refusal).toMatchObject({ message: expect.stringContaining("`tools[0].tools[0]` (mcp)") });
  });
});
