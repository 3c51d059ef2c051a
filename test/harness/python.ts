import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeTempFolder } from "./temp-folder.ts";

/** The interpreter that brings venv; undefined where there is none. */
export const PYTHON = ["python3", "python"].find((name) => {
  try {
    execFileSync(name, ["-c", "import venv"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

export interface PythonEnvironment {
  /** Runs a script and reads the JSON that it prints; throws with its words when it fails. */
  run(script: string, env: Record<string, string>): Promise<unknown>;
  remove(): Promise<void>;
}

/** A virtual environment of its own with the pinned packages, fetched by the user's own pip. */
export async function makePythonEnvironment(requirements: string): Promise<PythonEnvironment> {
  if (PYTHON === undefined) throw new Error("no Python interpreter with venv");
  const folder = await makeTempFolder();
  const run = promisify(execFile);
  await run(PYTHON, ["-m", "venv", folder.path]);
  const python = join(folder.path, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]);
  return {
    async run(script, env) {
      const { stdout } = await run(python, [script], {
        env: { ...process.env, NO_PROXY: "127.0.0.1", PYTHONDONTWRITEBYTECODE: "1", ...env },
      });
      return JSON.parse(stdout);
    },
    remove: folder.remove,
  };
}
