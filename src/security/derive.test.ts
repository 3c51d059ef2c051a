import { describe, expect, it } from "vitest";
import { RouteletError } from "../errors.ts";
import { deriveBytes, equalBytes, equalTexts, PURPOSE, secretsOf, toHex } from "./derive.ts";

const secret = "0123456789abcdef0123456789abcdef";

describe("secretsOf", () => {
  it("refuses a secret that is missing or short, and says what to set", () => {
    for (const env of [{}, { ROUTELET_SECRET: "" }, { ROUTELET_SECRET: "x".repeat(31) }]) {
      expect(() => secretsOf(env)).toThrow(/ROUTELET_SECRET needs at least 32 characters/);
    }
    expect(() => secretsOf({ ROUTELET_SECRET: secret, ROUTELET_SECRET_PREVIOUS: "short" })).toThrow(
      /ROUTELET_SECRET_PREVIOUS/,
    );
  });

  it("never puts the secret into its error", () => {
    try {
      secretsOf({ ROUTELET_SECRET: "hunter2" });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(RouteletError);
      expect(String(error)).not.toContain("hunter2");
    }
  });

  it("has no previous secret where none is set", () => {
    expect(secretsOf({ ROUTELET_SECRET: secret })).toEqual({ current: secret, previous: null });
    expect(secretsOf({ ROUTELET_SECRET: secret, ROUTELET_SECRET_PREVIOUS: "" }).previous).toBeNull();
  });
});

describe("deriveBytes", () => {
  it("is HKDF-SHA-256 (RFC 5869, test case 3: its first 32 bytes)", async () => {
    expect(toHex(await deriveBytes({ secret: "\u000b".repeat(22), info: "" }))).toBe(
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d",
    );
  });

  it("gives each purpose and each project a key of its own", async () => {
    const infos = [
      PURPOSE.keyPepper,
      PURPOSE.adminCompare,
      PURPOSE.fingerprint,
      PURPOSE.content("a"),
      PURPOSE.content("b"),
    ];
    const keys = await Promise.all(infos.map(async (info) => toHex(await deriveBytes({ secret, info }))));
    expect(new Set(keys).size).toBe(infos.length);
  });
});

describe("comparing secrets", () => {
  it("looks at every byte", () => {
    const bytes = new Uint8Array(32).fill(5);
    expect(equalBytes(bytes, bytes.slice())).toBe(true);
    for (let index = 0; index < 32; index++) {
      const other = bytes.slice();
      other[index] = 4;
      expect(equalBytes(bytes, other)).toBe(false);
    }
    expect(equalBytes(bytes, bytes.subarray(1))).toBe(false);
  });

  it("compares texts of any length by their keyed hashes", async () => {
    const info = PURPOSE.adminCompare;
    expect(await equalTexts({ secret, info, a: "same", b: "same" })).toBe(true);
    expect(await equalTexts({ secret, info, a: "same", b: "same " })).toBe(false);
    expect(await equalTexts({ secret, info, a: "", b: "x" })).toBe(false);
  });
});
