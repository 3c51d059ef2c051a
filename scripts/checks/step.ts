import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { ROOT } from "../paths.ts";

/** One check: a tool of the project, or a function that returns what is wrong. */
export type Check = { name: string } & ({ tool: string; args: string[] } | { find: () => string[] });

/** Where the tools' programs are: the project runs them on its own Node.js, whatever the system has. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  const separator = process.platform === "win32" ? ";" : ":";
  const own = [resolve(ROOT, "node_modules/node/bin"), resolve(ROOT, "node_modules/.bin")];
  return { ...process.env, PATH: [...own, process.env.PATH ?? ""].join(separator) };
}

/** Runs a tool and returns its exit code, with its output when `capture` is set. */
export async function runTool(options: {
  tool: string;
  args: string[];
  capture: boolean;
  env?: Record<string, string>;
}): Promise<{ code: number; output: string }> {
  const child = spawn(options.tool, options.args, {
    cwd: ROOT,
    env: { ...toolEnvironment(), ...options.env },
    stdio: ["ignore", options.capture ? "pipe" : "inherit", options.capture ? "pipe" : "inherit"],
    shell: process.platform === "win32",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  return new Promise((done, failed) => {
    child.once("error", failed);
    child.once("close", (code) => done({ code: code ?? 1, output }));
  });
}

/** Runs the checks, two at a time, and prints each with its time; what a failed one said follows it. */
export async function runChecks(checks: readonly Check[]): Promise<{ passed: number; failed: string[] }> {
  const waiting = [...checks];
  const failed: string[] = [];
  let passed = 0;
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const startedAt = performance.now();
      const output = await outcomeOf(check);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      process.stdout.write(`${output === undefined ? "ok    " : "FAILED"} ${check.name} (${seconds} s)\n`);
      if (output === undefined) passed += 1;
      else {
        failed.push(check.name);
        process.stdout.write(`${output.trimEnd()}\n`);
      }
    }
  };
  await Promise.all([worker(), worker()]);
  return { passed, failed };
}

/** Undefined when the check passed, else what to show. */
async function outcomeOf(check: Check): Promise<string | undefined> {
  if ("find" in check) {
    const wrong = check.find();
    return wrong.length === 0 ? undefined : wrong.join("\n");
  }
  const { code, output } = await runTool({ ...check, capture: true });
  return code === 0 ? undefined : output;
}
