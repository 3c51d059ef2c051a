import { NodeProblem } from "../daemon/node-problem.ts";
import { detectHardware } from "../hardware/hardware.ts";
import { modelCacheFolder } from "../models/cache-folder.ts";
import { createNetwork } from "../models/network.ts";
import type { Command, CommandContext } from "./command.ts";
import type { Check } from "./doctor/check.ts";
import { configCheck } from "./doctor/config-check.ts";
import { daemonCheck } from "./doctor/daemon-check.ts";
import { gpuCheck, hostChecks } from "./doctor/hardware-checks.ts";
import { cachedCheck, diskCheck, identityCheck, nodeCheck } from "./doctor/local-checks.ts";
import { gatewayCheck, hubCheck, indexCheck } from "./doctor/network-checks.ts";

const MARKS: Record<Check["verdict"], string> = { ok: "ok  ", note: "note", bad: "BAD " };

export const doctor: Command = {
  name: "doctor",
  description: "Look at this machine, its network and its files, and say what to mend.",
  options: [{ flags: "--json", description: "as JSON" }],
  run: async (context, _args, options) => {
    const checks = await examine(context);
    if (options.json) context.print(JSON.stringify(checks));
    else for (const check of checks) context.print(`${MARKS[check.verdict]}  ${check.name}: ${check.text}`);
    const bad = checks.filter((check) => check.verdict === "bad");
    if (bad.length > 0) {
      throw new NodeProblem(
        "failed",
        `${bad.length === 1 ? "One thing needs" : `${bad.length} things need`} mending: ${bad.map((check) => check.name).join(", ")}.`,
      );
    }
  },
};

async function examine(context: CommandContext): Promise<Check[]> {
  const cacheDir = modelCacheFolder(context.env);
  const network = createNetwork(context.env);
  const { check: config, gatewayUrl } = await configCheck(context);
  try {
    const [{ hardware, gpu }, disk, cached, index, hub, identity, gateway, daemon] = await Promise.all([
      detectHardware(),
      diskCheck(cacheDir),
      cachedCheck(cacheDir),
      indexCheck({ env: context.env, fetch: network.fetch }),
      hubCheck({ env: context.env, fetch: network.fetch }),
      identityCheck(context.paths.identity),
      gatewayCheck({ gatewayUrl, fetch: network.fetch, now: Date.now }),
      daemonCheck(context.paths.socket),
    ]);
    return [
      nodeCheck(process.versions.node),
      ...hostChecks(hardware),
      gpuCheck(hardware, gpu),
      disk,
      cached,
      index,
      hub,
      config,
      identity,
      ...gateway,
      daemon,
    ];
  } finally {
    await network.close();
  }
}
