import { loadConfig } from "../../daemon/config/load-config.ts";
import { NodeProblem } from "../../daemon/node-problem.ts";
import type { NodePaths } from "../../daemon/paths.ts";
import { loadIdentity } from "../../tunnel/identity.ts";
import type { Check } from "./check.ts";

/** Reads the configuration as a run would; `gatewayUrl` is null before a join, or where it cannot be known. */
export async function configCheck(options: {
  paths: NodePaths;
  env: Record<string, string | undefined>;
}): Promise<{ check: Check; gatewayUrl: string | null }> {
  const { paths, env } = options;
  // A damaged identity has a check of its own.
  const identity = await loadIdentity(paths.identity).catch(() => null);
  try {
    const { config, origins } = await loadConfig({ path: paths.config, env, flags: {} });
    const set = Object.values(origins).filter((origin) => origin !== "default").length;
    const text = set === 0 ? "every setting has its default" : `${set} settings set (${paths.config})`;
    return {
      check: { name: "config", verdict: "ok", text },
      gatewayUrl: config.gatewayUrl ?? identity?.gatewayUrl ?? null,
    };
  } catch (error) {
    if (!(error instanceof NodeProblem)) throw error;
    return {
      check: { name: "config", verdict: "bad", text: error.message },
      gatewayUrl: identity?.gatewayUrl ?? null,
    };
  }
}
