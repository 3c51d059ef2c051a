import { loadConfig } from "../daemon/config/load-config.ts";
import { nodeCommand } from "../daemon/node-command.ts";
import { NodeProblem } from "../daemon/node-problem.ts";
import { runNode } from "../daemon/run-node.ts";
import { loadIdentity } from "../tunnel/identity.ts";
import type { Command } from "./command.ts";
import { originOrExplain } from "./join.ts";
import { SETTING_OPTIONS, settingsOf } from "./settings-flags.ts";

export const run: Command = {
  name: "run",
  description: "Run this node with the gateway that it joined.",
  options: [
    { flags: "--gateway <url>", description: "the joined gateway's address, where it has changed" },
    { flags: "--model <reference>", description: "another model for this run" },
    ...SETTING_OPTIONS,
  ],
  run: async (context, _args, options) => {
    const { paths, env } = context;
    const configPlace = { path: paths.config, env, flags: settingsOf(options) };
    const [{ config }, identity] = await Promise.all([loadConfig(configPlace), loadIdentity(paths.identity)]);
    if (!identity) {
      throw new NodeProblem(
        "not_joined",
        `This machine has not joined a gateway (nothing in ${paths.folder}). Run: ${nodeCommand("join <gateway url>")}, with a join token in ROUTELET_JOIN_TOKEN.`,
      );
    }
    const gatewayUrl = originOrExplain(config.gatewayUrl ?? identity.gatewayUrl, config.allowInsecureLan);
    await runNode({ ...context, config, configPlace, identity: { ...identity, gatewayUrl } });
  },
};
