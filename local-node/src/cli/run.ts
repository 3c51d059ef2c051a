import { loadConfig } from "../daemon/config.ts";
import { nodeCommand } from "../daemon/node-command.ts";
import { NodeProblem } from "../daemon/node-problem.ts";
import { runNode } from "../daemon/run-node.ts";
import { loadIdentity } from "../tunnel/identity.ts";
import type { Command } from "./command.ts";
import { originOrExplain } from "./join.ts";
import { JSON_LINES } from "./json-lines.ts";

export const run: Command = {
  name: "run",
  description: "Run this node with the gateway that it joined.",
  options: [
    { flags: "--gateway <url>", description: "the joined gateway's address, where it has changed" },
    { flags: "--model <reference>", description: "another model for this run" },
    JSON_LINES,
  ],
  run: async (context, _args, options) => {
    const [config, identity] = await Promise.all([
      loadConfig(context.paths.config),
      loadIdentity(context.paths.identity),
    ]);
    if (!config || !identity) {
      throw new NodeProblem(
        "not_joined",
        `This machine has not joined a gateway (nothing in ${context.paths.folder}). Run: ${nodeCommand("join <gateway url>")}, with a join token in ROUTELET_JOIN_TOKEN.`,
      );
    }
    const gatewayUrl =
      typeof options.gateway === "string"
        ? originOrExplain(options.gateway, config.allowInsecureLan)
        : config.gatewayUrl;
    await runNode({
      ...context,
      config: { ...config, gatewayUrl },
      identity: { ...identity, gatewayUrl },
      model: typeof options.model === "string" ? options.model : undefined,
    });
  },
};
