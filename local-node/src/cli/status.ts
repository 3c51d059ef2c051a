import { nodeCommand } from "../daemon/node-command.ts";
import { NodeProblem } from "../daemon/node-problem.ts";
import { askStatus, type DaemonStatus } from "../daemon/status.ts";
import type { Command } from "./command.ts";

export const status: Command = {
  name: "status",
  description: "Show what the running daemon does.",
  options: [{ flags: "--json", description: "as JSON" }],
  run: async (context, _args, options) => {
    const current = await askStatus(context.paths.socket);
    if (!current) {
      throw new NodeProblem(
        "failed",
        `No daemon runs with the state in ${context.paths.folder}. Start one with: ${nodeCommand("run")}`,
      );
    }
    if (options.json) context.print(JSON.stringify(current));
    else for (const line of statusLines(current, Date.now())) context.print(line);
  },
};

export function statusLines(current: DaemonStatus, now: number): string[] {
  const { state, tunnel, node } = current;
  const trouble = tunnel.phase !== "connected" && tunnel.lastError ? ` (${tunnel.lastError})` : "";
  const gpus = state.hardware.gpus.map((gpu) => `${gpu.name} (${gpu.backend})`).join(", ") || "none";
  return [
    `node      ${node.name} (${node.id}), projects: ${node.projects.join(", ")}`,
    `gateway   ${current.gatewayUrl}: ${tunnel.phase}${trouble}`,
    `running   ${duration(now - current.startedAt)}, process ${current.pid}`,
    `hardware  ${state.hardware.cpu}, ${state.hardware.cores} cores; GPU: ${gpus}`,
    `slots     ${state.slots.busy} of ${state.slots.total} busy, ${state.slots.queued} waiting (limit ${state.slots.queueLimit})`,
    ...state.models.map((model) => {
      const facts = [
        model.engine,
        model.loaded ? "loaded" : "not loaded",
        model.quantisation,
        model.contextTokens === null ? null : `${model.contextTokens} tokens of context`,
        model.tokensPerSecond === null ? null : `${model.tokensPerSecond.toFixed(1)} tokens/s`,
      ].filter((fact) => fact !== null);
      return `model     slm/${model.id}: ${facts.join(", ")}`;
    }),
    ...(state.models.length === 0 ? ["model     none"] : []),
  ];
}

function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  if (minutes < 120) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h`;
}
