import { printNames, runVitest } from "./checks/vitest.ts";

// `npm run test:full`: what `npm test` leaves out since it takes minutes or fetches much. Needs no more than npm test.

const counts = await runVitest({ projects: ["full"], args: process.argv.slice(2) });
printNames(counts);
process.stdout.write(`${counts.passed} passed, ${Math.max(counts.failed, counts.ok ? 0 : 1)} failed\n`);
process.exitCode = counts.ok ? 0 : 1;
