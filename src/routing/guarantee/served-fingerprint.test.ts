import { describe, expect, it } from "vitest";
import { servedFingerprint } from "./served-fingerprint.ts";

type Model = Parameters<typeof servedFingerprint>[0]["model"];

const model: Model = { id: "m", engine: "embedded", fileSha256: "aa" };
const of = (more: Partial<Model> = {}, version = "1.0.0") =>
  servedFingerprint({ version, model: { ...model, ...more } });

describe("what a node's model is known by", () => {
  it("is its file, its engine and the daemon's version: the same at every call, and another where one of them is", async () => {
    const found = await of();
    expect(await of()).toBe(found);
    const others = [
      await of({ fileSha256: "bb" }),
      await of({ engine: "llama-server" }),
      await of({}, "1.0.1"),
    ];
    expect(new Set([found, ...others]).size).toBe(4);
  });

  it("is its name where its file is not known", async () => {
    const attached = await of({ fileSha256: null });
    expect(await of({ fileSha256: null })).toBe(attached);
    expect(await of({ fileSha256: null, id: "n" })).not.toBe(attached);
  });
});
