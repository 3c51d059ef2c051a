import { describe, expect, it } from "vitest";
import type { Json } from "../json.ts";
import type { Message } from "../model-request.ts";
import { assistant, called, NEW, OLD, render, result, user } from "./fixtures/request.ts";

const messages = (list: Message[], model = OLD) => render({ messages: list }, model).messages;
const text = (value: string) => ({ type: "text", text: value });
const system = (value: string, role: "system" | "developer" = "system"): Message => ({
  role,
  content: [{ type: "text", text: value }],
});

describe("messages", () => {
  it("hoists leading instructions and keeps their cache marks", () => {
    const mark = { type: "ephemeral" };
    const body = render({
      messages: [
        { role: "system", content: [{ type: "text", text: "a", cacheControl: mark }] },
        system("b", "developer"),
        user("hi"),
      ],
    });
    expect(body.system).toEqual([{ ...text("a"), cache_control: mark }, text("b")]);
    expect(body.messages).toEqual([{ role: "user", content: [text("hi")] }]);
  });

  it("keeps a later instruction at its place: as text for old models, as a turn where one may stand", () => {
    const list = [user("q"), system("now in French"), assistant("oui"), user("and?")];
    expect(messages(list)).toEqual([
      { role: "user", content: [text("q"), text("<system>\nnow in French\n</system>")] },
      { role: "assistant", content: [text("oui")] },
      { role: "user", content: [text("and?")] },
    ]);
    expect(messages(list, NEW)).toMatchObject([
      { role: "user" },
      { role: "system", content: [text("now in French")] },
      { role: "assistant" },
      { role: "user" },
    ]);
  });

  it.each([
    ["after an assistant", [user("q"), assistant("a"), system("s"), user("b")]],
    ["before a user", [user("q"), system("s"), user("b")]],
    ["before a turn that says nothing", [user("q"), system("s"), assistant(" "), user("b")]],
  ])("never puts a system turn %s, where the API refuses it", (_name, list) => {
    const roles = (messages(list, NEW) as { role: string }[]).map(({ role }) => role);
    expect(roles).not.toContain("system");
    expect(JSON.stringify(messages(list, NEW))).toContain("<system>\\ns\\n</system>");
  });

  it("makes instructions alone the user's turn, since the API wants one", () => {
    const body = render({ messages: [system("do it")] });
    expect(body.messages).toEqual([{ role: "user", content: [text("do it")] }]);
    expect(body.system).toBeUndefined();
  });

  it("joins turns of one role and leaves empty ones out", () => {
    expect(messages([user("a"), user("b"), assistant(" \n"), user(""), user("c")])).toEqual([
      { role: "user", content: [text("a"), text("b"), text("c")] },
    ]);
  });

  it("makes consecutive tool results one user's turn, results first", () => {
    const list = [user("q"), called("t1"), result("t1", "1"), result("t2", "", true), user("and?")];
    expect(messages(list)).toMatchObject([
      { role: "user" },
      { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "f", input: {} }] },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "t1", content: [text("1")] },
          { type: "tool_result", tool_use_id: "t2", is_error: true },
          text("and?"),
        ],
      },
    ]);
    const swapped = [user("q"), called("t1"), user("wait"), result("t1", "1")];
    expect((messages(swapped) as { content: Json[] }[])[2]?.content.map(({ type }) => type)).toEqual([
      "tool_result",
      "text",
    ]);
  });

  it("makes ids valid, and keeps different ones different", () => {
    const list = [user("q"), called("a:1"), result("a:1", "x"), called("a.1"), result("a.1", "y")];
    expect(messages(list)).toMatchObject([
      {},
      { content: [{ id: "a_1" }] },
      { content: [{ tool_use_id: "a_1" }] },
      { content: [{ id: "a_1_2" }] },
      { content: [{ tool_use_id: "a_1_2" }] },
    ]);
  });

  it("never loses what a model wrote as arguments", () => {
    expect(messages([user("q"), called("t", { arguments: '{"a":' }), result("t", "x")])).toMatchObject([
      {},
      { content: [{ input: { unparsed_arguments: '{"a":' } }] },
      {},
    ]);
  });

  it("sends back thinking that Anthropic signed, and no other", () => {
    const reasoning = { type: "reasoning" as const, text: "hm", redacted: null };
    const said: Message = {
      role: "assistant",
      content: [
        { ...reasoning, signature: "EqQB", origin: "anthropic-messages" },
        { ...reasoning, text: "", signature: null, redacted: "enc", origin: "anthropic-messages" },
        { ...reasoning, signature: null, origin: "anthropic-messages" },
        { ...reasoning, signature: "x", origin: "openai-responses" },
        { ...reasoning, signature: null, origin: "openai-chat" },
        { type: "text", text: "a" },
      ],
    };
    expect(messages([user("q"), said, user("b")])).toMatchObject([
      {},
      {
        content: [
          { type: "thinking", thinking: "hm", signature: "EqQB" },
          { type: "redacted_thinking", data: "enc" },
          { type: "text" },
        ],
      },
      {},
    ]);
  });

  it("words images and files", () => {
    const content: Extract<Message, { role: "user" }>["content"] = [
      { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AA==" }, detail: "high" },
      { type: "image", source: { kind: "url", url: "https://i" } },
      { type: "file", name: "p.pdf", source: { kind: "base64", mediaType: "application/pdf", data: "BB==" } },
      { type: "file", source: { kind: "base64", mediaType: "text/csv", data: btoa("a,b") } },
      { type: "file", source: { kind: "text", text: "plain" } },
    ];
    expect(messages([{ role: "user", content }])).toEqual([
      {
        role: "user",
        content: [
          { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } },
          { type: "image", source: { type: "url", url: "https://i" } },
          {
            type: "document",
            source: { type: "base64", media_type: "application/pdf", data: "BB==" },
            title: "p.pdf",
          },
          { type: "document", source: { type: "text", media_type: "text/plain", data: "a,b" } },
          { type: "document", source: { type: "text", media_type: "text/plain", data: "plain" } },
        ],
      },
    ]);
  });

  it("tells participants apart by the name that they were given", () => {
    expect(messages([{ role: "user", name: "Ann", content: [{ type: "text", text: "hi" }] }])).toEqual([
      { role: "user", content: [text("Ann: hi")] },
    ]);
  });

  it("ends a prefill without the blanks that the API refuses", () => {
    expect(messages([user("q"), assistant("The answer is \n")])).toMatchObject([
      {},
      { role: "assistant", content: [text("The answer is")] },
    ]);
  });
});
