import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decryptBody, type EncryptedBody, encryptBody } from "./encryption.ts";

const secrets = { current: "current-secret-current-secret-0001", previous: null };
const place = { projectId: "default", rowId: "call_1", column: "request" };
const encoder = new TextEncoder();

async function opened(options: Parameters<typeof decryptBody>[0]): Promise<Uint8Array | string> {
  const result = await decryptBody(options);
  return result.ok ? result.plaintext : result.reason;
}

describe("content encryption", () => {
  it("gives back any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 4_000 }), async (plaintext) => {
        const body = await encryptBody({ secrets, place, plaintext });
        expect(await opened({ secrets, place, body })).toEqual(plaintext);
      }),
      { numRuns: 50 },
    );
  });

  it("compresses where that helps only", async () => {
    const repetitive = encoder.encode("the same words again. ".repeat(500));
    const small = await encryptBody({ secrets, place, plaintext: repetitive });
    expect(small.compression).toBe("gzip");
    expect(small.ciphertext.byteLength).toBeLessThan(repetitive.byteLength / 10);
    const random = await encryptBody({
      secrets,
      place,
      plaintext: crypto.getRandomValues(new Uint8Array(500)),
    });
    expect(random.compression).toBe("none");
    expect(random.ciphertext.byteLength).toBe(516);
  });

  it("uses a new IV for each body and shows nothing of the text", async () => {
    const plaintext = encoder.encode("canary-7f3a");
    const bodies = await Promise.all(
      Array.from({ length: 20 }, () => encryptBody({ secrets, place, plaintext })),
    );
    expect(new Set(bodies.map((body) => body.iv.join())).size).toBe(20);
    for (const body of bodies) expect(new TextDecoder().decode(body.ciphertext)).not.toContain("canary");
  });

  it("refuses a body that was moved to another call, part or project", async () => {
    const body = await encryptBody({ secrets, place, plaintext: encoder.encode("private") });
    for (const elsewhere of [
      { ...place, rowId: "call_2" },
      { ...place, column: "response" },
      { ...place, projectId: "other" },
      { ...place, rowId: 'call_1","request' },
    ]) {
      expect(await opened({ secrets, place: elsewhere, body })).toBe("tampered");
    }
  });

  it("refuses a body of which any part was changed", async () => {
    const body = await encryptBody({ secrets, place, plaintext: encoder.encode("private ".repeat(500)) });
    const flipped = (bytes: Uint8Array) => bytes.map((byte, index) => (index === 3 ? byte ^ 1 : byte));
    const changed: EncryptedBody[] = [
      { ...body, iv: flipped(body.iv) },
      { ...body, ciphertext: flipped(body.ciphertext) },
      { ...body, ciphertext: body.ciphertext.subarray(1) },
      { ...body, compression: "none" },
    ];
    for (const wrong of changed) expect(await opened({ secrets, place, body: wrong })).toBe("tampered");
  });

  it("opens with the previous secret after a rotation, and says so when the secret is gone", async () => {
    const plaintext = encoder.encode("written before");
    const body = await encryptBody({ secrets, place, plaintext });
    const rotated = { current: "next-secret-next-secret-next-0002", previous: secrets.current };
    expect(await opened({ secrets: rotated, place, body })).toEqual(plaintext);
    expect(await opened({ secrets: { ...rotated, previous: null }, place, body })).toBe("unknown_secret");
    const after = await encryptBody({ secrets: rotated, place, plaintext });
    expect(after.keyId).not.toBe(body.keyId);
    expect(await opened({ secrets, place, body: { ...after, keyId: body.keyId } })).toBe("tampered");
  });
});
