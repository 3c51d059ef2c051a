import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ROOT } from "./paths.ts";

let state: string;

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "routelet-bootstrap-"));
});
afterEach(() => rmSync(state, { recursive: true }));

function npmRunNode(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, ROUTELET_STATE: state };
  return new Promise((resolve) => {
    execFile("npm", ["run", "node", "--", ...args], { cwd: ROOT, env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

test("`npm run node` shows how it is called itself", async () => {
  const { code, stdout } = await npmRunNode(["models", "pull", "--help"]);
  expect(code).toBe(0);
  expect(stdout).toContain("Usage: npm run node -- models pull [options] <reference>");
});

test("`npm run node` passes on the exit code, and names a command that a clone has", async () => {
  const { code, stderr } = await npmRunNode(["run"]);
  expect(code).toBe(3);
  expect(stderr).toContain("npm run node -- join");
  expect(stderr).not.toContain("npx");
});
