/**
 * Whether a daemon's log is for machines until its configuration says more: at a terminal a person reads it, unless
 * they ask for JSON. Other commands speak to people.
 */
export function logsJson(options: { args: readonly string[]; isTerminal: boolean }): boolean {
  const { args } = options;
  const [command] = args;
  if (command !== "run" && command !== "join") return false;
  const at = args.indexOf("--log-format");
  const format = at === -1 ? args.find((arg) => arg.startsWith("--log-format="))?.slice(13) : args[at + 1];
  if (args.includes("--json")) return true;
  return format === "json" || (format !== "text" && !options.isTerminal);
}
