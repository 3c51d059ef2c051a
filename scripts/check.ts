import { CHECKS } from "./checks/checks.ts";
import { runChecks } from "./checks/step.ts";

// `npm run check`: everything of `npm test` that runs nothing.

const { passed, failed } = await runChecks(CHECKS);
process.stdout.write(`${passed} passed, ${failed.length} failed\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
