import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * A program that answers as nvidia-smi does: readings once, or in a loop with `--loop-ms`, and compute processes. What
 * it says is read from files each time, so that a test can change it. Not for Windows.
 */
export interface FakeNvidiaSmi {
  program: string;
  /** Lines of index, name, watts, °C, %, used MiB, total MiB. */
  setReadings(text: string): Promise<void>;
  /** Lines of pid, name, used MiB. */
  setProcesses(text: string): Promise<void>;
}

export async function makeFakeNvidiaSmi(folder: string): Promise<FakeNvidiaSmi> {
  const program = join(folder, "nvidia-smi");
  const readings = join(folder, "readings.csv");
  const processes = join(folder, "processes.csv");
  await Promise.all([writeFile(readings, ""), writeFile(processes, "")]);
  await writeFile(
    program,
    `#!/usr/bin/env node
const { readFileSync } = require("node:fs");
const args = process.argv.slice(2).join(" ");
const path = args.includes("--query-compute-apps") ? ${JSON.stringify(processes)} : ${JSON.stringify(readings)};
const say = () => process.stdout.write(readFileSync(path, "utf8"));
const loop = /--loop-ms=(\\d+)/.exec(args);
say();
if (loop) setInterval(say, Number(loop[1]));
`,
  );
  await chmod(program, 0o755);
  return {
    program,
    setReadings: (text) => writeFile(readings, text),
    setProcesses: (text) => writeFile(processes, text),
  };
}
