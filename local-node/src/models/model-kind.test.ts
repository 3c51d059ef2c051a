import { describe, expect, it } from "vitest";
import { hasNestedVectors, modelKind } from "./model-kind.ts";

describe("what a model is for", () => {
  it.each([
    ["llama", null, "chat"],
    ["qwen3", 0, "chat"],
    ["qwen3", 3, "embeddings"],
    ["bert", 1, "embeddings"],
    ["nomic-bert", null, "embeddings"],
    ["bert", 4, "ranking"],
  ] as const)("is told by its file: %s with pooling %s is for %s", (architecture, pooling, kind) => {
    expect(modelKind({ architecture, pooling })).toBe(kind);
  });

  it.each([
    ["nomic-embed-text-v1.5", true],
    ["Qwen3 Embedding 0.6B", true],
    ["embeddinggemma-300M", true],
    ["Snowflake Arctic Embed L v2.0", true],
    ["nomic-embed-text-v1", false],
    ["all-MiniLM-L6-v2", false],
    [null, false],
  ])("is known of %s: vectors can be cut: %s", (name, expected) => {
    expect(hasNestedVectors(name)).toBe(expected);
  });
});
