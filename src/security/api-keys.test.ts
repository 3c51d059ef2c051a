import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createApiKey, hashApiKey, isWellFormedApiKey } from "./api-keys.ts";

const secrets = { current: "current-secret-current-secret-0001", previous: null };
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

describe("API keys", () => {
  it("have a prefix, 33 random base62 digits (196 bits) and a checksum, and differ", () => {
    const keys = new Set(Array.from({ length: 500 }, () => createApiKey().key));
    expect(keys.size).toBe(500);
    for (const key of keys) {
      expect(key).toMatch(/^rl_[0-9A-Za-z]{39}$/);
      expect(isWellFormedApiKey(key)).toBe(true);
    }
  });

  it("draw every digit alike: bytes that would favour the first digits are thrown away", () => {
    let calls = 0;
    const { key } = createApiKey({
      randomBytes: (length) => new Uint8Array(length).fill(calls++ === 0 ? 250 : 61),
    });
    expect(key.slice(3, 36)).toBe("z".repeat(33));
  });

  it("show a beginning that leaves more than 160 bits unknown", () => {
    const { key, prefix } = createApiKey();
    expect(key.startsWith(prefix)).toBe(true);
    expect(prefix).toHaveLength(9);
  });

  it("are refused without a look-up when one digit is wrong or two are swapped", () => {
    fc.assert(
      fc.property(fc.nat({ max: 38 }), fc.nat({ max: 61 }), (at, digit) => {
        const { key } = createApiKey();
        const index = 3 + at;
        const typo = key.slice(0, index) + DIGITS.charAt(digit) + key.slice(index + 1);
        expect(isWellFormedApiKey(typo)).toBe(typo === key);
        if (index + 1 < key.length) {
          const swapped =
            key.slice(0, index) + key.charAt(index + 1) + key.charAt(index) + key.slice(index + 2);
          expect(isWellFormedApiKey(swapped)).toBe(swapped === key);
        }
      }),
    );
  });

  it("are told from other texts", () => {
    for (const text of ["", "rl_", "sk-proj-abc", `${createApiKey().key} `, createApiKey().key.slice(1)]) {
      expect(isWellFormedApiKey(text)).toBe(false);
    }
  });

  it("are stored as a hash that a stolen database cannot test guesses against: it needs the secret", async () => {
    const { key } = createApiKey();
    const one = await hashApiKey({ secrets, key });
    const other = await hashApiKey({
      secrets: { ...secrets, current: "other-secret-other-secret-000002" },
      key,
    });
    expect(one.current).toMatch(/^[0-9a-f]{64}$/);
    expect(one.previous).toBeNull();
    expect(other.current).not.toBe(one.current);
    expect(one.current).not.toContain(key.slice(3, 20));
  });

  it("are found after a rotation by the hash under the previous secret", async () => {
    const { key } = createApiKey();
    const before = await hashApiKey({ secrets, key });
    const after = await hashApiKey({
      secrets: { current: "next-secret-next-secret-next-0002", previous: secrets.current },
      key,
    });
    expect(after.previous).toBe(before.current);
  });
});
