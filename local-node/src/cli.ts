import { COMMANDS } from "./cli/commands.ts";
import { createProgram, explainFailure } from "./cli/program.ts";
import { terminalConfirm } from "./cli/prompt.ts";
import { createConsole } from "./daemon/console.ts";
import { nodePaths } from "./daemon/paths.ts";

const [command] = process.argv.slice(2);
/** The daemon's log is read by machines unless a person sits before it. */
const isDaemon = command === "run" || command === "join";
const console = createConsole({ stream: process.stderr, json: isDaemon && !process.stderr.isTTY });

// The token must not be seen by child processes.
const env = { ...process.env };
delete process.env.ROUTELET_JOIN_TOKEN;

const program = createProgram(COMMANDS, {
  env,
  paths: nodePaths(env),
  print: (line) => process.stdout.write(`${line}\n`),
  console,
  confirm: terminalConfirm(),
});

try {
  await program.parseAsync();
  process.exit(0);
} catch (error) {
  const { message, exitCode } = explainFailure(error);
  console.end();
  if (isDaemon) console.log("error", message);
  else process.stderr.write(`local-node: ${message}\n`);
  process.exit(exitCode);
}
