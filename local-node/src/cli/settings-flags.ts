import type { Flags } from "../daemon/config/resolve-config.ts";
import { NodeProblem } from "../daemon/node-problem.ts";
import type { CommandOption } from "./command.ts";

/** Flags of the commands that become a daemon, beside `--set`, and the setting that each stands for. */
const NAMED: Record<string, string> = {
  gateway: "gatewayUrl",
  model: "engines.embedded.model",
  logFormat: "log.format",
};

/** The options that every such command has. */
export const SETTING_OPTIONS: readonly CommandOption[] = [
  {
    flags: "--set <setting=value>",
    description: "any setting for this run, as config show names it, for example --set queueLimit=8",
    many: true,
  },
  { flags: "--log-format <format>", description: "auto, text or json (one object per line)" },
  { flags: "--json", description: "the same as --log-format json" },
];

/** @throws {NodeProblem} for a `--set` that is no pair */
export function settingsOf(options: Record<string, unknown>): Flags {
  const flags: Flags = {};
  for (const pair of Array.isArray(options.set) ? options.set.map(String) : []) {
    const at = pair.indexOf("=");
    if (at < 1) {
      throw new NodeProblem(
        "failed",
        `--set ${pair} is no pair. Write a setting and its value: --set queueLimit=8`,
      );
    }
    flags[pair.slice(0, at).trim()] = pair.slice(at + 1).trim();
  }
  for (const [name, path] of Object.entries(NAMED)) {
    const value = options[name];
    if (typeof value === "string") flags[path] = value;
  }
  if (options.json === true) flags["log.format"] = "json";
  return flags;
}
