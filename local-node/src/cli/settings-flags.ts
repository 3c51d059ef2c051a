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
  {
    flags: "--adapter <name=path>",
    description: "a LoRA adapter of the model (GGUF), for this run served as <model>+<name>",
    many: true,
  },
  { flags: "--log-format <format>", description: "auto, text or json (one object per line)" },
  { flags: "--json", description: "the same as --log-format json" },
];

/** @throws {NodeProblem} for a `--set` or `--adapter` that is no pair */
export function settingsOf(options: Record<string, unknown>): Flags {
  const flags: Flags = {};
  for (const [setting, value] of pairsOf(options, "set", "a setting and its value: --set queueLimit=8")) {
    flags[setting] = value;
  }
  const adapters = pairsOf(options, "adapter", "a name and a file: --adapter tone=tone.gguf");
  if (adapters.length > 0) {
    // As TOML has it, whose texts JSON's are.
    const rows = adapters.map(
      ([name, path]) => `{ name = ${JSON.stringify(name)}, path = ${JSON.stringify(path)} }`,
    );
    flags["engines.embedded.adapters"] = `[${rows.join(", ")}]`;
  }
  for (const [name, path] of Object.entries(NAMED)) {
    const value = options[name];
    if (typeof value === "string") flags[path] = value;
  }
  if (options.json === true) flags["log.format"] = "json";
  return flags;
}

function pairsOf(options: Record<string, unknown>, flag: string, remedy: string): [string, string][] {
  const given = options[flag];
  return (Array.isArray(given) ? given.map(String) : []).map((pair) => {
    const at = pair.indexOf("=");
    if (at < 1) throw new NodeProblem("failed", `--${flag} ${pair} is no pair. Write ${remedy}`);
    return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  });
}
