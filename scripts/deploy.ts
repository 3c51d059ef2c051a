import { runTool } from "./checks/step.ts";
import { applyConfigFile, type ConfigFile, readConfigFile } from "./start/config-file.ts";

// `npm run deploy`: the database first, so that new code never meets an old schema. `--dry-run` only builds.
// `routelet.config.json` becomes the settings where ROUTELET_URL and ROUTELET_ADMIN_KEY say of which gateway.

const args = process.argv.slice(2);
const { ROUTELET_URL: url, ROUTELET_ADMIN_KEY: adminKey } = process.env;

/** A refusal ends the deployment before anything was done. */
async function configFile(): Promise<ConfigFile | null> {
  try {
    return await readConfigFile({ folder: ".", env: process.env });
  } catch (error) {
    return fail(error);
  }
}

function fail(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

const config = await configFile();
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

if (config !== null && !args.includes("--dry-run")) {
  if (url && adminKey) {
    await applyConfigFile({ config, url: url.replace(/\/+$/, ""), adminKey }).catch(fail);
    process.stdout.write(`settings from ${config.path}\n`);
  } else {
    process.stdout.write(
      `${config.path} was not applied: set ROUTELET_URL to the gateway's address and ROUTELET_ADMIN_KEY to its admin key.\n`,
    );
  }
}
