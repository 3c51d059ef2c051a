import { describe, expect, it } from "vitest";
import { allowsOrigin } from "./cors.ts";

describe("allowsOrigin", () => {
  it.each([
    [[], "https://a.example", false],
    [["https://a.example"], "https://a.example", true],
    [["https://a.example"], "http://a.example", false],
    [["https://a.example"], "https://a.example.evil.com", false],
    [["https://a.example"], "null", false],
    [["*"], "https://b.example", true],
  ])("of %j: %s, %s", (origins, origin, allowed) => {
    expect(allowsOrigin(origins, origin)).toBe(allowed);
  });
});
