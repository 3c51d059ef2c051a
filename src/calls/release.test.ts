import { describe, expect, it } from "vitest";
import { ownHeaders, responseHeaders } from "./release.ts";

const ids = (backend: Record<string, string>, own: Record<string, string | null>) => {
  const headers = responseHeaders(new Headers(backend), own);
  return [headers.get("x-request-id"), headers.get("request-id")];
};

describe("the id of a request", () => {
  const openAi = { "x-routelet-call": "call_1", "x-request-id": "call_1", "request-id": null };
  const anthropic = { ...openAi, "request-id": "call_1" };

  it.each([
    ["the call's where the backend has none", {}, openAi, ["call_1", null]],
    ["the backend's where it has one", { "x-request-id": "req_b" }, openAi, ["req_b", null]],
    ["the call's under both names for Anthropic's clients", {}, anthropic, ["call_1", "call_1"]],
    ["Anthropic's under both names", { "request-id": "req_b" }, anthropic, ["req_b", "req_b"]],
    ["OpenAI's for Anthropic's clients too", { "x-request-id": "req_b" }, anthropic, ["req_b", "req_b"]],
    ["each of two", { "x-request-id": "a", "request-id": "b" }, anthropic, ["a", "b"]],
  ])("is %s", (_name, backend, own, wanted) => {
    expect(ids(backend, own)).toEqual(wanted);
  });
});

describe("the gateway's own headers", () => {
  it.each([
    ["plain", "llm/openai/gpt-5 mini", "llm/openai/gpt-5 mini"],
    ["other scripts", "slm/模型-é", "slm/%E6%A8%A1%E5%9E%8B-%C3%A9"],
    ["astral", "slm/🦊", "slm/%F0%9F%A6%8A"],
    ["half a pair", "slm/\ud83e", "slm/%EF%BF%BD"],
    ["threat: a line break must not begin a header", "llm/a\r\nset-cookie: x", "llm/a%0D%0Aset-cookie: x"],
    ["NUL", "slm/\u0000", "slm/%00"],
  ])("can hold any name of a model or a task: %s", (_name, name, wanted) => {
    const own = ownHeaders(null, { "x-routelet-served-by": name });
    expect(own).toEqual({ "x-routelet-served-by": wanted });
    expect(responseHeaders(new Headers(), own).get("x-routelet-served-by")).toBe(wanted);
  });
});
