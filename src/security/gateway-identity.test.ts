import { describe, expect, it } from "vitest";
import { rotationTranscript } from "../tunnel/protocol/transcripts.ts";
import { fromBase64Url, toBase64Url } from "./base64url.ts";
import { keyPairFromSeed, sign, verify } from "./ed25519.ts";
import { gatewayIdentity } from "./gateway-identity.ts";

const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const secret = "a-secret-of-at-least-32-characters!";
const other = "another-secret-of-32-characters!!!!";

describe("Ed25519", () => {
  it("agrees with test vector 2 of RFC 8032", async () => {
    const seed = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    const pair = await keyPairFromSeed(seed);
    expect(pair.publicKey).toBe(
      toBase64Url(bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")),
    );
    const signature = await sign(pair.privateKey, Uint8Array.of(0x72));
    expect(signature).toBe(
      toBase64Url(
        bytes(
          "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
      ),
    );
    expect(await verify({ publicKey: pair.publicKey, signature, message: Uint8Array.of(0x72) })).toBe(true);
    expect(await verify({ publicKey: pair.publicKey, signature, message: Uint8Array.of(0x73) })).toBe(false);
  });

  it("takes malformed keys and signatures for wrong ones", async () => {
    const message = Uint8Array.of(1);
    const zeros = toBase64Url(new Uint8Array(64));
    for (const publicKey of ["", "!", "AAAA", toBase64Url(new Uint8Array(32).fill(255))]) {
      expect(await verify({ publicKey, signature: zeros, message })).toBe(false);
    }
  });
});

describe("the gateway's identity", () => {
  it("follows from the secret alone, and differs between secrets", async () => {
    const first = await gatewayIdentity({ ROUTELET_SECRET: secret });
    const again = await gatewayIdentity({ ROUTELET_SECRET: secret });
    const second = await gatewayIdentity({ ROUTELET_SECRET: other });
    expect(again.publicKey).toBe(first.publicKey);
    expect(second.publicKey).not.toBe(first.publicKey);
    expect(first.rotation).toBeNull();
  });

  it("is vouched for by the previous key after a rotation", async () => {
    const old = await gatewayIdentity({ ROUTELET_SECRET: secret });
    const rotated = await gatewayIdentity({ ROUTELET_SECRET: other, ROUTELET_SECRET_PREVIOUS: secret });
    expect(rotated.rotation?.previousKey).toBe(old.publicKey);
    const message = rotationTranscript(rotated.publicKey);
    const signature = rotated.rotation?.signature ?? "";
    expect(await verify({ publicKey: old.publicKey, signature, message })).toBe(true);
  });

  it("is not derived from a secret that could be guessed", async () => {
    await expect(gatewayIdentity({ ROUTELET_SECRET: "short" })).rejects.toThrow("ROUTELET_SECRET");
  });
});

describe("base64url", () => {
  it("refuses what is not base64url", () => {
    for (const text of ["a+b/", "ab==", "a", "a b"]) expect(fromBase64Url(text)).toBeNull();
    expect(fromBase64Url("_-8")).toEqual(Uint8Array.of(255, 239));
  });
});
