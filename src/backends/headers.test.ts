import { describe, expect, it } from "vitest";
import { clientResponseHeaders, cloudRequestHeaders } from "./headers.ts";

describe("cloudRequestHeaders", () => {
  it.each([
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-goog-user-project",
    "ocp-apim-subscription-key",
    "x-auth-token",
    "x-amz-security-token",
    "cookie",
    "origin",
    "referer",
    "sec-fetch-site",
    "forwarded",
    "via",
    "x-client-ip",
    "x-original-forwarded-for",
    "b3",
    "x-datadog-trace-id",
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
    const headers = cloudRequestHeaders({
      client: new Headers({ [name]: "secret" }),
      credentials: { authorization: "Bearer ours" },
    });
    expect(Object.values(headers)).not.toContain("secret");
    expect(headers.authorization).toBe("Bearer ours");
  });

  it("passes what the client meant for the provider", () => {
    const meant = {
      "openai-organization": "o",
      "idempotency-key": "i",
      "user-agent": "sdk",
      "anthropic-beta": "b",
      "x-stainless-lang": "js",
      "x-ms-oai-image-generation-deployment": "d",
      "http-referer": "app",
    };
    const headers = cloudRequestHeaders({
      client: new Headers(meant),
      credentials: {},
    });
    expect(headers).toMatchObject(meant);
  });
});

describe("cloudRequestHeaders with a provider's defaults", () => {
  it("gives them where the client sends none of its own", () => {
    const defaults = { "anthropic-version": "2023-06-01" };
    const sent = (client: Record<string, string>) =>
      cloudRequestHeaders({ client: new Headers(client), credentials: {}, defaults })["anthropic-version"];
    expect(sent({})).toBe("2023-06-01");
    expect(sent({ "anthropic-version": "2024-10-22" })).toBe("2024-10-22");
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

describe("threat: a provider's answer must not steer a browser at the gateway's origin, nor show its servers", () => {
  it.each([
    "location",
    "refresh",
    "link",
    "clear-site-data",
    "content-security-policy",
    "content-security-policy-report-only",
    "x-frame-options",
    "permissions-policy",
    "cross-origin-opener-policy",
    "referrer-policy",
    "x-powered-by",
    "via",
    "age",
  ])("%s is dropped", (name) => {
    expect([...clientResponseHeaders(new Headers({ [name]: "x" }))]).toEqual([]);
  });
});
