import { describe, expect, it } from "vitest";
import { type Serving, servingFingerprint } from "./fingerprint.ts";

const serving: Serving = {
  weights: "aa",
  adapter: null,
  template: "bb",
  engine: { name: "llama.cpp", version: "b1234" },
  sampling: { temperature: 0, top_p: 1, seed: null },
  examples: ["cc", "dd"],
};

describe("the serving fingerprint", () => {
  it.each([
    ["weights", { weights: "ab" }],
    ["adapter", { adapter: "ee" }],
    ["template", { template: "bc" }],
    ["engine", { engine: { name: "vllm", version: "b1234" } }],
    ["engine's version", { engine: { name: "llama.cpp", version: "b1235" } }],
    ["sampling", { sampling: { temperature: 0.1, top_p: 1, seed: null } }],
    ["sampling, by one more setting", { sampling: { ...serving.sampling, top_k: 40 } }],
    ["examples", { examples: ["cc"] }],
    ["examples' order", { examples: ["dd", "cc"] }],
  ] as [string, Partial<Serving>][])("changes with the %s", async (_name, change) => {
    expect(await servingFingerprint({ ...serving, ...change })).not.toBe(await servingFingerprint(serving));
  });

  it("does not change with the order in which it is written down", async () => {
    const { examples, sampling, ...rest } = serving;
    const turned = { examples, sampling: { seed: null, top_p: 1, temperature: 0 }, ...rest };
    expect(await servingFingerprint(turned)).toBe(await servingFingerprint(serving));
  });

  it("is the same for ever: a vector", async () => {
    expect(await servingFingerprint(serving)).toMatchInlineSnapshot(
      `"sf1_c968816196c5a042c6117a74e102e2cc02b64beb226b3dc71260052e070985f3"`,
    );
  });

  it("refuses what JSON would make something else of", async () => {
    await expect(servingFingerprint({ ...serving, sampling: { temperature: Number.NaN } })).rejects.toThrow(
      "serving.sampling.temperature",
    );
    await expect(servingFingerprint({ ...serving, adapter: undefined as unknown as null })).rejects.toThrow(
      "serving.adapter",
    );
  });
});
