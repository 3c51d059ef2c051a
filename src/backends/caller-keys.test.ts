import { describe, expect, it } from "vitest";
import { callerKeys } from "./caller-keys.ts";

const keys = (value: string | null, allowed = true) =>
  callerKeys({ headers: new Headers(value === null ? {} : { "x-routelet-provider-key": value }), allowed });

describe("a caller's own provider keys", () => {
  it("are taken by provider", () => {
    expect([...keys("openai=sk-a=, groq=gsk_b")]).toEqual([
      ["openai", "sk-a="],
      ["groq", "gsk_b"],
    ]);
    expect(keys(null).size).toBe(0);
    expect(keys(null, false).size).toBe(0);
  });

  it("threat: a key that is not allowed is not silently replaced by the operator's", () => {
    expect(() => keys("openai=sk", false)).toThrow(
      expect.objectContaining({ code: "provider_key_not_allowed" }),
    );
  });

  it.each(["sk-without-provider", "openai=", "=sk", "openai=sk, ", "Open AI=sk", "openai=s k"])(
    "threat: %j, which some provider might get that it is not for, is refused without showing it",
    (value) => {
      expect(() => keys(value)).toThrow(
        expect.objectContaining({
          code: "invalid_provider_key",
          message: expect.not.stringContaining("sk-without"),
        }),
      );
    },
  );
});
