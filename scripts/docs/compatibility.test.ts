import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "../paths.ts";
import { compatibilityPage } from "./compatibility.ts";

it("docs/compatibility.md says what the dialects do", async () => {
  const page = await readFile(resolve(ROOT, "docs/compatibility.md"), "utf8");
  expect(page, "run `node scripts/compatibility.ts`").toBe(compatibilityPage());
});
