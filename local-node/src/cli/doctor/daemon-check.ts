import { askStatus } from "../../daemon/control.ts";
import { nodeCommand } from "../../daemon/node-command.ts";
import { NodeProblem } from "../../daemon/node-problem.ts";
import type { Check } from "./check.ts";

export async function daemonCheck(socket: string): Promise<Check> {
  try {
    const daemon = await askStatus(socket);
    return daemon
      ? {
          name: "daemon",
          verdict: "ok",
          text: `runs as process ${daemon.pid}, tunnel ${daemon.tunnel.phase}`,
        }
      : { name: "daemon", verdict: "note", text: `does not run; start it with: ${nodeCommand("run")}` };
  } catch (error) {
    if (!(error instanceof NodeProblem)) throw error;
    return { name: "daemon", verdict: "bad", text: error.message };
  }
}
