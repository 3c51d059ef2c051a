import { describe, expect, it } from "vitest";
import { parseMessagesCall } from "../dialects/anthropic-messages/parse.ts";
import { parseChatCall } from "../dialects/openai-chat/parse.ts";
import { parseResponsesCall } from "../dialects/openai-responses/parse.ts";
import { RouteletError } from "../errors.ts";
import type { PlannedAttempt } from "../routing/plan.ts";
import { storedProvider } from "../settings/providers.ts";
import { DEFAULT_SETTINGS } from "../settings.ts";
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
const SETTINGS = { ...DEFAULT_SETTINGS, providers: [OWN] };
const ask = (call: Parameters<typeof honourable>[1], ...attempts: PlannedAttempt[]) => {
  const result = honourable({ attempts, reason: "r" }, call, SETTINGS);
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
    const refusal = honourable({ attempts: [attempt("mistral")], reason: "r" }, call, SETTINGS);
    expect(refusal).toMatchObject({ message: expect.stringContaining("`tools[0].tools[0]` (mcp)") });
  });
});

describe("hosted tools that may be left out", () => {
  const FUNCTION = { type: "function", name: "f", parameters: {} };
  const responses = (more: object) => parseResponsesCall(bytes({ model: "m", input: "x", ...more }));
  const messages = (more: object) =>
    parseMessagesCall(
      bytes({ model: "m", max_tokens: 1, messages: [{ role: "user", content: "x" }], ...more }),
    );
  const omitting = (call: Parameters<typeof honourable>[1], ...attempts: PlannedAttempt[]) => {
    const result = honourable({ attempts, reason: "r" }, call, { ...SETTINGS, hostedTools: "omit" });
    return result instanceof RouteletError ? result.param : result.attempts.map(({ omits }) => omits);
  };

  it.each([
    ["of responses", responses({ tools: [FUNCTION, { type: "web_search" }] }), ["tools[1] (web_search)"]],
    [
      "in a dated form",
      responses({ tools: [{ type: "web_search_2025_08_26" }] }),
      ["tools[0] (web_search_2025_08_26)"],
    ],
    [
      "that were used before",
      responses({
        input: [
          { type: "web_search_call", id: "ws_1" },
          { role: "user", content: "x" },
        ],
      }),
      ["input[0] (web_search_call)"],
    ],
    ["of chat", chat({ web_search_options: {} }), ["web_search_options"]],
    [
      "of messages",
      messages({ tools: [{ type: "web_search_20250305", name: "web_search" }] }),
      ["tools[0] (web_search_20250305)"],
    ],
    ["of messages, on other servers", messages({ mcp_servers: [{ type: "url" }] }), ["mcp_servers"]],
  ])("are told: %s", (_name, call, omits) => {
    const backend =
      call.dialect === "anthropic-messages" ? attempt("openai") : attempt("anthropic", "anthropic-messages");
    expect(omitting(call, backend)).toEqual([omits]);
  });

  it("are not where a backend of the plan has them: it alone is asked", () => {
    const call = responses({ tools: [{ type: "web_search" }] });
    expect(omitting(call, attempt("mistral"), attempt("openai", "openai-responses"))).toEqual([undefined]);
  });

  it.each([
    ["a tool that the client runs", responses({ tools: [{ type: "local_shell" }] }), "tools[0]"],
    ["the same of messages", messages({ tools: [{ type: "bash_20250124", name: "bash" }] }), "tools[0]"],
    [
      "a choice that demands a hosted one",
      responses({ tools: [FUNCTION, { type: "web_search" }], tool_choice: { type: "web_search" } }),
      "tool_choice",
    ],
    [
      "a choice that demands any",
      responses({ tools: [{ type: "web_search" }], tool_choice: "required" }),
      "tool_choice",
    ],
    [
      "the same of messages",
      messages({
        tools: [{ type: "web_search_20250305", name: "web_search" }],
        tool_choice: { type: "any" },
      }),
      "tool_choice",
    ],
    ["any other field", responses({ tools: [{ type: "web_search" }], conversation: "c" }), "conversation"],
  ])("do not excuse %s", (_name, call, param) => {
    expect(omitting(call, attempt("mistral"))).toEqual(param);
  });

  it("are left out of a choice among several", () => {
    const allowed = {
      type: "allowed_tools",
      mode: "auto",
      tools: [{ type: "web_search" }, { type: "function", name: "f" }],
    };
    const call = responses({ tools: [FUNCTION, { type: "web_search" }], tool_choice: allowed });
    expect(omitting(call, attempt("mistral"))).toEqual([["tools[1] (web_search)"]]);
    expect(call.request?.().toolChoice).toEqual({ type: "allowed", mode: "auto", names: ["f"] });
  });

  it("are counted beyond what a header can say", () => {
    const tools = Array.from({ length: 20 }, () => ({ type: "mcp" }));
    const [omits] = omitting(responses({ tools }), attempt("mistral")) as string[][];
    expect(omits).toHaveLength(17);
    expect(omits?.at(-1)).toBe("and 4 more");
  });
});
