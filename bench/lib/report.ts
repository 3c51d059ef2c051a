import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { ROOT } from "../../scripts/paths.ts";

/** What a benchmark gives back; figures are numbers under the names that `bench/README.md` explains. */
export interface Measured {
  /** What a reader must know to repeat or to doubt it. */
  conditions: Record<string, string | number>;
  figures: Record<string, number>;
}

export interface BenchOptions {
  /** A folder laid out like the project's benchmark data, for those benchmarks that read any. */
  data: string | undefined;
  /** How many calls to make, for those benchmarks that let it be chosen. */
  calls: number | undefined;
}

export interface Benchmark {
  about: string;
  run(options: BenchOptions): Promise<Measured>;
}

function commit(): string {
  const id = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: ROOT, encoding: "utf8" }).trim();
  const changed = execFileSync("git", ["status", "--porcelain"], { cwd: ROOT, encoding: "utf8" }) !== "";
  return changed ? `${id} with changes` : id;
}

function machine(): string {
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  return `${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? process.arch}, ${gigabytes} GiB, ${process.platform}, Node.js ${process.version}`;
}

/** Other work on the machine in the minute before: a reader must know whether the cores were free. */
export function loadBefore(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}

/** Prints the table and, when asked, writes the same as JSON. */
export function report(options: {
  name: string;
  measured: Measured;
  loadBefore: string;
  json: string | undefined;
}): void {
  const { name } = options;
  const measured = {
    ...options.measured,
    conditions: { ...options.measured.conditions, "load average before": options.loadBefore },
  };
  const document = { name, commit: commit(), machine: machine(), ...measured };
  const lines = [
    `${name} · ${document.commit} · ${document.machine}`,
    ...Object.entries(measured.conditions).map(([condition, value]) => `  ${condition}: ${value}`),
    "",
    ...Object.entries(measured.figures).map(([figure, value]) => `  ${figure.padEnd(44)} ${value}`),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(document, null, 2)}\n`);
}
