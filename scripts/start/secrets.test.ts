import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StartError } from "../gateway/start-error.ts";
import { checkSecrets, loadSecrets } from "./secrets.ts";

let stateDir: string;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "routelet-secrets-"));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

test.each([
  [{ ROUTELET_SECRET: "hush" }, "ROUTELET_SECRET has 4 characters and needs at least 32"],
  [{ ROUTELET_SECRET_PREVIOUS: "hush" }, "ROUTELET_SECRET_PREVIOUS has 4 characters"],
  [{ ROUTELET_SECRET: "" }, "ROUTELET_SECRET is set but empty"],
  [{ ROUTELET_API_KEY: "  " }, "ROUTELET_API_KEY is set but empty"],
  [{ ROUTELET_ADMIN_KEY: "hush hush" }, "ROUTELET_ADMIN_KEY has characters that cannot be sent"],
])("%j is refused with a line that does not repeat it", (env, message) => {
  expect(() => checkSecrets(env)).toThrow(StartError);
  expect(() => checkSecrets(env)).toThrow(message);
  expect(() => checkSecrets(env)).not.toThrow("hush");
});

test("a key that can be guessed is warned of, and taken; a good one and none at all are not", () => {
  expect(checkSecrets({ ROUTELET_API_KEY: "hush" })).toEqual([
    "ROUTELET_API_KEY has only 4 characters: who reaches the gateway can guess it.",
  ]);
  expect(checkSecrets({ ROUTELET_API_KEY: "a-longer-one", ROUTELET_SECRET: "s".repeat(32) })).toEqual([]);
  expect(checkSecrets({})).toEqual([]);
});

test("secrets are made once and kept; those of the environment win and are not written down", () => {
  const made = loadSecrets({ stateDir, env: {} });
  expect(loadSecrets({ stateDir, env: { ROUTELET_API_KEY: "from-outside" } })).toEqual({
    ...made,
    ROUTELET_API_KEY: "from-outside",
  });
  expect(readFileSync(join(stateDir, "secrets.json"), "utf8")).not.toContain("from-outside");
  expect(loadSecrets({ stateDir, env: {} })).toEqual(made);
});

test("a kept secret that was shortened counts as damage", () => {
  writeFileSync(join(stateDir, "secrets.json"), '{"ROUTELET_SECRET":"short"}');
  expect(() => loadSecrets({ stateDir, env: {} })).toThrow("is damaged");
});
