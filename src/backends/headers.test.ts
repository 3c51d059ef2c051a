import { describe, expect, it } from "vitest";
import { clientResponseHeaders, cloudRequestHeaders } from "./headers.ts";

describe("cloudRequestHeaders", () => {
  it.each([
    "authorization",
    "x-api-key",
    "cookie",
    "x-forwarded-for",
    "x-real-ip",
    "cf-connecting-ip",
    "traceparent",
    "baggage",
    "x-routelet-route",
    "host",
    "connection",
    "accept-encoding",
  ])("threat: the caller's %s must not reach a provider", (name) => {
    const headers = cloudRequestHeaders(new Headers({ [name]: "secret" }), { authorization: "Bearer ours" });
    expect([...headers.values()]).not.toContain("secret");
    expect(headers.get("authorization")).toBe("Bearer ours");
  });

  it("passes what the client meant for the provider", () => {
    const headers = cloudRequestHeaders(
      new Headers({ "openai-organization": "o", "idempotency-key": "i", "user-agent": "sdk" }),
      {},
    );
    expect(Object.fromEntries(headers)).toMatchObject({
      "openai-organization": "o",
      "idempotency-key": "i",
      "user-agent": "sdk",
    });
  });
});

describe("clientResponseHeaders", () => {
  it("passes rate limits and request ids, and drops what describes bytes that changed or the provider's plumbing", () => {
    const headers = clientResponseHeaders(
      new Headers({
        "x-ratelimit-remaining-requests": "9",
        "x-request-id": "r",
        "retry-after": "3",
        "content-type": "application/json",
        "content-length": "10",
        "content-encoding": "gzip",
        "transfer-encoding": "chunked",
        "set-cookie": "a=b",
        "cf-ray": "x",
        "x-routelet-served-by": "forged",
      }),
    );
    expect(Object.fromEntries(headers)).toEqual({
      "x-ratelimit-remaining-requests": "9",
      "x-request-id": "r",
      "retry-after": "3",
      "content-type": "application/json",
    });
  });
});
