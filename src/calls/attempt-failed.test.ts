import { describe, expect, it } from "vitest";
import { refused } from "./attempt-failed.ts";

describe("a key that the provider refused", () => {
  const refusedKey = (headers: Record<string, string>) =>
    refused({
      planned: { kind: "cloud", provider: "openai", model: "m" },
      status: 401,
      headers: new Headers(),
      clientHeaders: new Headers(headers),
      body: new Uint8Array(0),
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
