import { describe, expect, it } from "vitest";
import { checkGatewayUrl } from "./gateway-url.ts";

const check = (url: string, allowInsecureLan = false) => checkGatewayUrl(url, { allowInsecureLan }).origin;

describe("threat: a gateway that is reached without encryption", () => {
  it.each([
    "http://gateway.example",
    "http://192.168.1.5:8787",
    "http://8.8.8.8",
    "http://[2001:db8::1]",
    "http://127.0.0.1.evil.test",
    "http://localhost.evil.test",
    "ws://127.0.0.1",
    "ftp://127.0.0.1",
    "not a url",
    "https://user:password@gateway.example",
  ])("%s is refused", (url) => {
    expect(() => check(url)).toThrow();
  });

  it.each([
    "https://gateway.example",
    "http://127.0.0.1:8787",
    "http://127.8.9.1",
    "http://localhost:1",
    "http://[::1]:8787",
  ])("%s is accepted", (url) => {
    expect(check(url)).toBe(new URL(url).origin);
  });

  it.each([
    "http://10.0.0.9",
    "http://192.168.1.5:8787",
    "http://172.31.0.1",
    "http://169.254.1.1",
    "http://[fd00::1]",
  ])("%s needs the owner's consent", (url) => {
    expect(() => check(url)).toThrow();
    expect(check(url, true)).toBe(new URL(url).origin);
  });

  it.each(["http://172.32.0.1", "http://gateway.local", "http://11.0.0.1"])(
    "%s stays refused with it",
    (url) => {
      expect(() => check(url, true)).toThrow();
    },
  );

  it("keeps the origin alone, so that no path or query reaches a request", () => {
    expect(checkGatewayUrl("https://gateway.example/some?where", { allowInsecureLan: false }).href).toBe(
      "https://gateway.example/",
    );
  });
});
