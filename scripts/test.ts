import { CHECKS } from "./checks/checks.ts";
import { runChecks } from "./checks/step.ts";
import { printNames, runVitest } from "./checks/vitest.ts";

// `npm test`: the checks, then every test but the heavy ones. The last line says how many passed and failed.

const startedAt = performance.now();
const checks = await runChecks(CHECKS);
// Whole processes get the machine for themselves: they have deadlines of their own.
const parts = [
  await runVitest({ projects: ["unit", "model", "workerd"] }),
  await runVitest({ projects: ["e2e"] }),
  await runVitest({ projects: ["conformance"] }),
];
const passed = checks.passed + parts.reduce((sum, part) => sum + part.passed, 0);
const failed = checks.failed.length + parts.reduce((sum, part) => sum + part.failed, 0);
const ok = checks.failed.length === 0 && parts.every((part) => part.ok);

for (const name of checks.failed) process.stdout.write(`failed check: ${name}\n`);
for (const part of parts) printNames(part);
process.stdout.write(`${((performance.now() - startedAt) / 60_000).toFixed(1)} minutes\n`);
// An error outside of any test (a file that does not load) fails the run, and must not read as success.
process.stdout.write(`${passed} passed, ${Math.max(failed, ok ? 0 : 1)} failed\n`);
process.exitCode = ok ? 0 : 1;
