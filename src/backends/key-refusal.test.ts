import { describe, expect, it } from "vitest";
import { isKeyRefusal, refusesKey } from "./key-refusal.ts";

describe("isKeyRefusal", () => {
  it.each([
    [401, "", true],
    [403, "Your API key was reported as leaked. Please use another API key.", true],
    [403, "Method doesn't allow unregistered callers. Please use API Key.", true],
    [403, '{"error":{"message":"Invalid API key","code":"invalid_api_key"}}', true],
    [403, "Missing Authentication header", true],
    [403, "The token has expired", true],
    [403, "You have insufficient permissions for this operation: restricted API key.", true],
    [403, "", false],
    [403, "<html>Forbidden</html>", false],
    [403, "openai/gpt-5 requires moderation. Your input was flagged for violence.", false],
    [403, '{"type":"error","error":{"type":"permission_error","message":"no access to claude-x"}}', false],
    [403, "Your API key does not have permission to use the specified resource.", false],
    [403, "Country, region, or territory not supported", false],
    [403, "The request has too many tokens. No such model.", false],
    [400, "Invalid API key", false],
    [429, "Invalid API key", false],
  ])("%i %j: %s", (status, text, about) => {
    expect(isKeyRefusal(status, text)).toBe(about);
  });

  it("leaves an answer's body to be read", async () => {
    const response = new Response("Invalid API key", { status: 403 });
    expect(await refusesKey(response)).toBe(true);
    expect(await response.text()).toBe("Invalid API key");
  });

  it("takes no page for words", async () => {
    const response = new Response(`${"x".repeat(100_000)} Invalid API key`, { status: 403 });
    expect(await refusesKey(response)).toBe(false);
    expect(await response.text()).toHaveLength(100_016);
  });
});
