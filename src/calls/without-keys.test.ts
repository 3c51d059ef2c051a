import { describe, expect, it } from "vitest";
import { RouteletError } from "../errors.ts";
import { AttemptFailed, refused } from "./attempt-failed.ts";
import { withoutKeys } from "./without-keys.ts";

const KEY = "sk-of-the-operator";
const encode = (text: string) => new TextEncoder().encode(text);

describe("threat: a provider's key that a backend repeats must not reach the client", () => {
  it("in a refusal's body, its headers or its message", () => {
    const failed = withoutKeys(
      refused({
        planned: { kind: "cloud", provider: "openai", model: "m" },
        status: 400,
        headers: new Headers({ "x-debug": `Bearer ${KEY}`, "x-request-id": "r" }),
        clientHeaders: new Headers(),
        body: encode(`{"error":{"message":"bad ${KEY}"}}`),
        text: `bad ${KEY}`,
        asIs: true,
        now: 0,
      }),
      [KEY],
    );
    expect(failed.error.message).toBe("bad [redacted]");
    expect(new TextDecoder().decode(failed.refusal?.body)).toBe('{"error":{"message":"bad [redacted]"}}');
    expect([...(failed.refusal?.headers ?? [])]).toEqual([["x-request-id", "r"]]);
    expect([...(failed.headers ?? [])]).toEqual([["x-request-id", "r"]]);
  });

  it("in an error in the reply", () => {
    const error = new RouteletError({ kind: "upstream", code: "upstream_error", message: `of ${KEY}` });
    expect(withoutKeys(new AttemptFailed(error), [KEY]).error).toMatchObject({
      code: "upstream_error",
      status: 502,
      message: "of [redacted]",
    });
  });
});

describe("a key that the provider refused", () => {
  const refusedKey = (headers: Record<string, string>) =>
    refused({
      planned: { kind: "cloud", provider: "openai", model: "m" },
      status: 401,
      headers: new Headers(),
      clientHeaders: new Headers(headers),
      body: encode(""),
      text: null,
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
