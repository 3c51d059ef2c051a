import { describe, expect, it } from "vitest";
import type { Message, OutputPart } from "../model-request.ts";
import { OTHER, OWN, render, text } from "./fixtures/request.ts";

const user = (value: string): Message => ({ role: "user", content: [text(value)] });
const assistant = (...content: OutputPart[]): Message => ({ role: "assistant", content });
const call = (id: string): OutputPart => ({ type: "tool_call", id, name: "f", arguments: "" });
const result = (callId: string, more: Partial<Extract<Message, { role: "tool" }>> = {}): Message => ({
  role: "tool",
  callId,
  content: [text("r")],
  isError: false,
  ...more,
});
const thought: OutputPart = {
  type: "reasoning",
  text: "hm",
  signature: "sig",
  redacted: null,
  origin: "anthropic-messages",
};
const IMAGE = { type: "image", source: { kind: "base64", mediaType: "image/png", data: "aGk=" } } as const;
const RENDERED_IMAGE = { type: "image_url", image_url: { url: "data:image/png;base64,aGk=" } };

const messages = (list: Message[], model = OTHER) => render({ messages: list }, model).messages;

describe("renderMessages", () => {
  it("writes text as a string, in lines for servers that take no list", () => {
    const list: Message[] = [
      { role: "system", content: [text("a"), text("b")] },
      { role: "user", content: [text("c"), text("d")] },
    ];
    expect(messages(list)).toEqual([
      { role: "system", content: "a\nb" },
      { role: "user", content: "c\nd" },
    ]);
    expect(messages(list, OWN)[0]).toEqual({ role: "system", content: [text("a"), text("b")] });
  });

  it("gives the developer's words the role that the server knows", () => {
    const list: Message[] = [{ role: "developer", content: [text("a")] }, user("b")];
    expect(messages(list, OWN)[0]?.role).toBe("developer");
    expect(messages(list, OTHER)[0]?.role).toBe("system");
  });

  it("keeps tool results together and puts their images into the user's next turn (trap 14)", () => {
    expect(
      messages([
        user("a"),
        assistant(call("t1"), call("t2")),
        result("t1", { content: [text("one"), IMAGE] }),
        result("t2"),
        user("go on"),
      ]),
    ).toEqual([
      { role: "user", content: "a" },
      {
        role: "assistant",
        content: null,
        tool_calls: ["t1", "t2"].map((id) => ({
          id,
          type: "function",
          function: { name: "f", arguments: "{}" },
        })),
      },
      { role: "tool", tool_call_id: "t1", content: "one" },
      { role: "tool", tool_call_id: "t2", content: "r" },
      { role: "user", content: [text("From tool call t1:"), RENDERED_IMAGE, text("go on")] },
    ]);
  });

  it("gives images of the last tool result a turn of their own", () => {
    const rendered = messages([assistant(call("t1")), result("t1", { content: [IMAGE] })]);
    expect(rendered.slice(1)).toEqual([
      { role: "tool", tool_call_id: "t1", content: "" },
      { role: "user", content: [text("From tool call t1:"), RENDERED_IMAGE] },
    ]);
  });

  it.each([
    ["boom", "Error: boom"],
    ["Error: boom", "Error: boom"],
    ["", "Error: "],
  ])("says of a failed tool that it failed: %j", (said, content) => {
    expect(messages([result("t", { isError: true, content: [text(said)] })])[0]).toMatchObject({ content });
  });

  it("shortens ids beyond OpenAI's 40 characters, and keeps call and result together", () => {
    const long = `toolu_${"x".repeat(60)}`;
    const rendered = messages([
      assistant(call(`${long}a`), call(`${long}b`), call("")),
      result(`${long}a`),
      result(`${long}b`),
      result(""),
    ]);
    const calls = rendered[0]?.tool_calls ?? [];
    const ids = (calls as { id: string }[]).map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^.{1,40}$/);
    expect(rendered.slice(1).map(({ tool_call_id }) => tool_call_id)).toEqual(ids);
  });

  it("gives thoughts back within the turn that goes on, and to no model of OpenAI's own (trap 15)", () => {
    const list = [
      user("a"),
      assistant(thought, text("b")),
      user("c"),
      assistant(thought, call("t")),
      result("t"),
    ];
    expect(messages(list).map(({ reasoning_content }) => reasoning_content)).toEqual([
      undefined,
      undefined,
      undefined,
      "hm",
      undefined,
    ]);
    expect(JSON.stringify(messages(list, OWN))).not.toMatch(/hm|sig/);
    expect(JSON.stringify(messages(list, OTHER))).not.toContain("sig");
  });

  it("keeps a refusal, and an empty answer", () => {
    expect(messages([assistant({ type: "refusal", text: "no" }), assistant()])).toEqual([
      { role: "assistant", content: null, refusal: "no" },
      { role: "assistant", content: "" },
    ]);
  });

  it("writes documents as files, and those of text as text", () => {
    const list: Message[] = [
      {
        role: "user",
        content: [
          { type: "file", source: { kind: "base64", mediaType: "application/pdf", data: "aGk=" } },
          { type: "file", source: { kind: "base64", mediaType: "text/plain", data: "SMOp" }, name: "a.txt" },
          { type: "file", source: { kind: "text", text: "plain" } },
          { type: "file", source: { kind: "file", id: "file-1" } },
          { type: "audio", data: "aGk=", format: "wav" },
        ],
      },
    ];
    expect(messages(list)[0]?.content).toEqual([
      { type: "file", file: { filename: "document.pdf", file_data: "data:application/pdf;base64,aGk=" } },
      text("a.txt:\nHé"),
      text("plain"),
      { type: "file", file: { file_id: "file-1" } },
      { type: "input_audio", input_audio: { data: "aGk=", format: "wav" } },
    ]);
  });
});
