import { COMMANDS } from "./cli/commands.ts";
import { logsJson } from "./cli/json-lines.ts";
import { createProgram, explainFailure } from "./cli/program.ts";
import { terminalConfirm } from "./cli/prompt.ts";
import { terminalScreen } from "./cli/screen.ts";
import { createConsole } from "./daemon/console.ts";
import { nodePaths } from "./daemon/paths.ts";

const args = process.argv.slice(2);
const json = logsJson({ args, isTerminal: process.stderr.isTTY });
const console = createConsole({ stream: process.stderr, json });

// The token must not be seen by child processes.
const env = { ...process.env };
delete process.env.ROUTELET_JOIN_TOKEN;

const program = createProgram(COMMANDS, {
  env,
  paths: nodePaths(env),
  print: (line) => process.stdout.write(`${line}\n`),
  console,
  confirm: terminalConfirm(),
  screen: terminalScreen(),
});

try {
  await program.parseAsync();
  process.exit(0);
} catch (error) {
  const { message, exitCode } = explainFailure(error);
  console.end();
  if (json) console.log("error", message);
  else process.stderr.write(`local-node: ${message}\n`);
  process.exit(exitCode);
}
