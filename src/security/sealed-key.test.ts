import { describe, expect, it } from "vitest";
import { openKey, sealKey } from "./sealed-key.ts";

const secrets = { current: "s".repeat(32), previous: null };
const purpose = { projectId: "p", provider: "groq", baseUrl: null };
const seal = () => sealKey({ secrets, purpose, key: "gsk-secret" });

describe("a provider's key at rest", () => {
  it("opens for what it was sealed for, after a rotation of the secret too", async () => {
    const sealed = await seal();
    expect(JSON.stringify(sealed)).not.toContain("gsk-secret");
    expect(await openKey({ secrets, purpose, sealed })).toBe("gsk-secret");
    const rotated = { current: "t".repeat(32), previous: secrets.current };
    expect(await openKey({ secrets: rotated, purpose, sealed })).toBe("gsk-secret");
  });

  it.each([
    ["another project's", { ...purpose, projectId: "q" }],
    ["another provider's", { ...purpose, provider: "evil" }],
    ["another URL's", { ...purpose, baseUrl: "https://evil.example.com" }],
  ])("threat: moved into %s settings it does not open", async (_name, elsewhere) => {
    expect(await openKey({ secrets, purpose: elsewhere, sealed: await seal() })).toBeNull();
  });

  it.each([
    ["without its secret", (sealed: object) => sealed, { current: "u".repeat(32), previous: null }],
    [
      "with a changed byte",
      (sealed: object) => ({ ...sealed, ciphertext: "AAAAAAAAAAAAAAAAAAAAAAAA" }),
      secrets,
    ],
    ["that is no base64url", (sealed: object) => ({ ...sealed, iv: "%" }), secrets],
  ])("does not open %s", async (_name, change, known) => {
    const sealed = { ...(await seal()), ...change(await seal()) };
    expect(await openKey({ secrets: known, purpose, sealed })).toBeNull();
  });
});
