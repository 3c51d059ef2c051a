import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { ROOT } from "../paths.ts";
import { runTool } from "./step.ts";

export interface TestCounts {
  passed: number;
  failed: number;
  /** Full names of the tests that were skipped. */
  skipped: string[];
  /** The tests that failed, each as its file and full name; a file that did not load by itself. */
  failures: string[];
  /** Whether vitest itself succeeded; false also for errors outside of tests. */
  ok: boolean;
}

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  testResults: { name: string; status: string; assertionResults: { status: string; fullName: string }[] }[];
}

/** Runs vitest projects in one go, its own report on the terminal, and counts. */
export async function runVitest(options: { projects: string[]; args?: string[] }): Promise<TestCounts> {
  const folder = mkdtempSync(join(tmpdir(), "routelet-vitest-"));
  const file = join(folder, "report.json");
  try {
    const { code } = await runTool({
      tool: "vitest",
      args: [
        "run",
        ...options.projects.flatMap((name) => ["--project", name]),
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${file}`,
        ...(options.args ?? []),
      ],
      capture: false,
      env: { CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false" },
    });
    const report = JSON.parse(readFileSync(file, "utf8")) as Report;
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests,
      skipped: report.testResults
        .flatMap((result) => result.assertionResults)
        .filter(({ status }) => status === "skipped" || status === "pending" || status === "todo")
        .map(({ fullName }) => fullName),
      failures: report.testResults.flatMap(failuresOf),
      ok: code === 0,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function failuresOf(result: Report["testResults"][number]): string[] {
  const file = relative(ROOT, result.name);
  const tests = result.assertionResults.filter(({ status }) => status === "failed");
  if (tests.length === 0 && result.status === "failed") return [`${file} did not load`];
  return tests.map(({ fullName }) => `${file}: ${fullName}`);
}

/** Names the tests that failed and those that were skipped: at the end of a run, where they are found. */
export function printNames(counts: TestCounts): void {
  for (const name of counts.failures) process.stdout.write(`failed: ${name}\n`);
  for (const name of counts.skipped) process.stdout.write(`skipped: ${name}\n`);
}
