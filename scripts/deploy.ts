import { runTool } from "./checks/step.ts";

// `npm run deploy`: the database first, so that new code never meets an old schema. `--dry-run` only builds.

const args = process.argv.slice(2);
const steps = [
  ...(args.includes("--dry-run")
    ? []
    : [["d1", "migrations", "apply", "DB", "--remote", "--env", "production"]]),
  ["deploy", "--env", "production", ...args],
];
for (const step of steps) {
  process.stdout.write(`wrangler ${step.join(" ")}\n`);
  const { code } = await runTool({ tool: "wrangler", args: step, capture: false });
  if (code !== 0) {
    process.stderr.write(`wrangler ended with exit code ${code}: nothing after this step was done.\n`);
    process.exit(code);
  }
}
