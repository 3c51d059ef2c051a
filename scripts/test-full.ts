import { runVitest } from "./checks/vitest.ts";

// `npm run test:full`: what `npm test` leaves out since it takes minutes or fetches much. Needs no more than npm test.

const { passed, failed, skipped, ok } = await runVitest({ projects: ["full"], args: process.argv.slice(2) });
for (const name of skipped) process.stdout.write(`skipped: ${name}\n`);
process.stdout.write(`${passed} passed, ${Math.max(failed, ok ? 0 : 1)} failed\n`);
process.exitCode = ok ? 0 : 1;
