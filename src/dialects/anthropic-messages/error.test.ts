import { APIError } from "@anthropic-ai/sdk";
import { describe, expect, it } from "vitest";
import { RouteletError } from "../../errors.ts";
import { errorEvent, errorInBand, readErrorBody, renderAnthropicError } from "./error.ts";
import { checkStream } from "./fixtures/check-stream.ts";
import { encode } from "./fixtures/context.ts";

const failure = (status: number, more: object = {}) =>
  new RouteletError({ kind: "internal", code: "some_code", message: "Do this.", status, ...more });

describe("renderAnthropicError", () => {
  it.each([
    [400, "invalid_request_error"],
    [401, "authentication_error"],
    [402, "billing_error"],
    [403, "permission_error"],
    [404, "not_found_error"],
    [409, "conflict_error"],
    [413, "request_too_large"],
    [422, "invalid_request_error"],
    [429, "rate_limit_error"],
    [499, "invalid_request_error"],
    [500, "api_error"],
    [502, "api_error"],
    [503, "api_error"],
    [504, "timeout_error"],
    [529, "overloaded_error"],
    [599, "api_error"],
  ])("%i is a %s", async (status, type) => {
    const response = renderAnthropicError(failure(status));
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({
      type: "error",
      error: { type, message: "Do this.", code: "some_code", details: { error_code: "some_code" } },
      request_id: null,
    });
  });

  it("names the call in the body, where there is one", async () => {
    expect(await renderAnthropicError(failure(400), "call_1").json()).toMatchObject({ request_id: "call_1" });
  });

  it("tells Anthropic's SDKs to go on without a thread that the backend cannot hold", async () => {
    const refused = failure(400, { code: "unsupported_parameter", param: "thread" });
    expect(await renderAnthropicError(refused).json()).toMatchObject({
      error: {
        code: "unsupported_parameter",
        details: { error_code: "thread_unsupported_request", unsupported: ["model"] },
      },
    });
  });

  it("is understood by Anthropic's SDK, our code included", async () => {
    const response = renderAnthropicError(failure(429, { retryAfterSeconds: 2.1, param: "messages[0]" }));
    expect(response.headers.get("retry-after")).toBe("3");
    const error = APIError.generate(429, (await response.json()) as object, undefined, response.headers);
    expect(error).toMatchObject({
      name: "RateLimitError",
      type: "rate_limit_error",
      errorCode: "some_code",
      apiMessage: "Do this.",
    });
  });

  it("never shows the cause", async () => {
    const text = await renderAnthropicError(failure(500, { cause: new Error("secret") })).text();
    expect(text).not.toContain("secret");
  });
});

describe("errorEvent", () => {
  it("names the call", () => {
    expect(errorEvent(failure(529), "call_1")).toContain('"request_id":"call_1"');
  });

  it("is the last event of its stream", () => {
    expect(checkStream(errorEvent(failure(529), "call_1")).error).toMatchObject({ type: "overloaded_error" });
  });
});

describe("errorInBand", () => {
  it.each([
    ["overloaded_error", "backend_busy", 529, true],
    ["rate_limit_error", "backend_busy", 429, true],
    ["api_error", "upstream_error", 502, true],
    ["timeout_error", "upstream_error", 504, true],
    ["authentication_error", "upstream_error", 502, true],
    ["invalid_request_error", "upstream_error", 400, false],
    ["a_new_error", "upstream_error", 502, true],
  ])("%s means %s", (type, code, status, retryable) => {
    expect(errorInBand({ type: "error", error: { type, message: "m" } })).toMatchObject({
      code,
      status,
      retryable,
      message: expect.stringContaining("m"),
    });
  });

  it("knows OpenAI's shape, bare words and an error without any", () => {
    expect(errorInBand({ error: { message: "oom" } })?.message).toContain("oom");
    expect(errorInBand({ error: "oom" })?.message).toContain("oom");
    expect(errorInBand({ type: "error" })?.code).toBe("upstream_error");
  });

  it.each([null, {}, { error: null }, { error: "" }, { type: "message", content: [] }])(
    "does not take %j for an error",
    (value) => {
      expect(errorInBand(value)).toBeNull();
    },
  );
});

describe("readErrorBody", () => {
  it("gives the words, and the finest code there is", () => {
    const body = {
      type: "error",
      error: { type: "invalid_request_error", message: "bad", details: { error_code: "x" } },
    };
    expect(readErrorBody(encode(JSON.stringify(body)))).toEqual({ message: "bad", code: "x", param: null });
    expect(readErrorBody(encode("<html>"))).toBeNull();
  });

  it.each([
    [{ detail: "no" }, "no"],
    [{ detail: [{ msg: "no" }] }, '[{"msg":"no"}]'],
    [{ object: "error", message: "no" }, "no"],
  ])("gives the words of a compatible server: %j", (body, message) => {
    expect(readErrorBody(encode(JSON.stringify(body)))).toEqual({ message, code: null, param: null });
  });
});
