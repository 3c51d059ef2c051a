import { describe, expect, it } from "vitest";
import { renderAnthropicError } from "../dialects/anthropic-messages/error.ts";
import { openAiErrorBody, renderOpenAiError } from "../dialects/openai-chat/error.ts";
import { refused } from "./attempt-failed.ts";

describe("a refusal", () => {
  const refusal = (status: number, more: object = {}) => {
    const told = { text: "Flagged.", code: null, param: null, asIs: false, ...more };
    return refused({
      planned: { kind: "cloud", provider: "openai", model: "m" },
      status,
      headers: new Headers(),
      clientHeaders: new Headers(),
      body: new TextEncoder().encode(told.text),
      now: 0,
      ...told,
    }).error;
  };

  it.each(["Flagged by moderation.", "You have no access to the model claude-x."])(
    "of 403 that is not about the key keeps its words: %s",
    (text) => {
      const error = refusal(403, { text });
      expect(error).toMatchObject({ status: 403, kind: "permission", message: text, retryable: false });
    },
  );

  it("of 403 that is about the key is the operator's", () => {
    expect(refusal(403, { text: "Invalid API key sk-1" })).toMatchObject({
      status: 502,
      code: "provider_auth_failed",
      message: expect.not.stringContaining("sk-1"),
    });
  });

  it("keeps the backend's code and field, and ours beside them", async () => {
    const error = refusal(400, { code: "bad_foo", param: "foo" });
    expect(error).toMatchObject({ code: "backend_400", backendCode: "bad_foo", param: "foo" });
    expect(await renderOpenAiError(error).json()).toMatchObject({
      error: { code: "bad_foo", param: "foo", type: "invalid_request_error" },
    });
    expect(await renderAnthropicError(error).json()).toMatchObject({
      error: { code: "bad_foo", param: "foo", details: { error_code: "bad_foo" } },
    });
  });

  it("shows no status as a code", () => {
    const { error } = openAiErrorBody(refusal(400, { code: "400" }));
    expect(error.code).toBe("backend_400");
  });
});

describe("a key that the provider refused", () => {
  const refusedKey = (headers: Record<string, string>) =>
    refused({
      planned: { kind: "cloud", provider: "openai", model: "m" },
      status: 401,
      headers: new Headers(),
      clientHeaders: new Headers(headers),
      body: new Uint8Array(0),
      text: null,
      code: null,
      param: null,
      asIs: false,
      now: 0,
    }).error;

  it("is the caller's to correct where the caller sent it", () => {
    expect(refusedKey({ "x-routelet-provider-key": "openai=mine" })).toMatchObject({
      status: 401,
      code: "provider_key_refused",
      message: expect.stringContaining("x-routelet-provider-key"),
    });
  });

  it.each<Record<string, string>>([{}, { "x-routelet-provider-key": "groq=mine" }])(
    "is the operator's else: %j",
    (headers) => {
      expect(refusedKey(headers)).toMatchObject({ status: 502, code: "provider_auth_failed" });
    },
  );
});
