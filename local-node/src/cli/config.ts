import { existsSync } from "node:fs";
import { loadConfig, writeConfig } from "../daemon/config/load-config.ts";
import { renderConfig } from "../daemon/config/render-config.ts";
import { configJsonSchema, SETTINGS, valueAt } from "../daemon/config/settings.ts";
import { nodeCommand } from "../daemon/node-command.ts";
import { NodeProblem } from "../daemon/node-problem.ts";
import type { Command } from "./command.ts";

export const configInit: Command = {
  name: "config init",
  description: "Write a configuration file with every setting, its comment and its default.",
  run: async (context) => {
    const { config: path } = context.paths;
    if (existsSync(path)) {
      throw new NodeProblem(
        "failed",
        `${path} is there already. Edit it, or delete it to begin anew; ${nodeCommand("config show")} shows what is in force.`,
      );
    }
    await writeConfig(path, renderConfig({}));
    context.print(`Wrote ${path} and, for editors, the schema beside it.`);
  },
};

export const configPath: Command = {
  name: "config path",
  description: "Say where the configuration file is.",
  run: async (context) => context.print(context.paths.config),
};

export const configSchema: Command = {
  name: "config schema",
  description: "Print the JSON Schema of the configuration file.",
  run: async (context) => context.print(JSON.stringify(configJsonSchema(), null, 2)),
};

export const configShow: Command = {
  name: "config show",
  description:
    "Show every setting that a run would have now, where it comes from, and the variable that sets it.",
  options: [{ flags: "--json", description: "as JSON" }],
  run: async (context, _args, options) => {
    const { config, origins } = await loadConfig({ path: context.paths.config, env: context.env, flags: {} });
    const rows = SETTINGS.map(({ path, variable }) => ({
      setting: path,
      value: withoutSecrets(valueAt(config, path)) ?? null,
      from: origins[path] ?? "default",
      variable,
    }));
    if (options.json) return context.print(JSON.stringify(rows));
    const width = Math.max(...rows.map(({ setting }) => setting.length));
    for (const { setting, value, from, variable } of rows) {
      const shown = value === null ? "(none)" : JSON.stringify(value);
      context.print(`${setting.padEnd(width)}  ${shown}  ${from}, ${variable}`);
    }
  },
};

/** Keys of attached servers are shown as being there. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, key === "apiKey" ? "(set)" : withoutSecrets(inner)]),
  );
}
