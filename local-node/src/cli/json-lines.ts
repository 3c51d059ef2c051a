import type { CommandOption } from "./command.ts";

/** The option of the commands that become a daemon. */
export const JSON_LINES: CommandOption = {
  flags: "--json",
  description: "log as JSON lines at a terminal too; elsewhere it always does",
};

/** Whether a daemon's log is for machines: at a terminal a person reads it, unless they ask for JSON. */
export function logsJson(options: { args: readonly string[]; isTerminal: boolean }): boolean {
  const [command] = options.args;
  if (command !== "run" && command !== "join") return false;
  return !options.isTerminal || options.args.includes("--json");
}
