import { describePause } from "../daemon/pause.ts";
import type { DaemonStatus } from "../daemon/status.ts";
import { humanBytes } from "../models/disk.ts";

type Call = DaemonStatus["vitals"]["calls"]["recent"][number];
type GpuNow = NonNullable<DaemonStatus["vitals"]["gpus"]>[number];

/** A running daemon in lines for people. Unknown figures are left out or shown as a dash. */
export function statusLines(current: DaemonStatus, now: number): string[] {
  const { state, tunnel, node, vitals } = current;
  const trouble = tunnel.phase !== "connected" && tunnel.lastError ? ` (${tunnel.lastError})` : "";
  const gpus = state.hardware.gpus.map((gpu) => `${gpu.name} (${gpu.backend})`).join(", ") || "none";
  const { slots } = state;
  return [
    `node      ${node.name} (${node.id}), projects: ${node.projects.join(", ")}`,
    `gateway   ${current.gatewayUrl}: ${tunnel.phase}${trouble}`,
    ...(current.paused === null ? [] : [`          ${describePause(current.paused)}`]),
    `running   ${duration(now - current.startedAt)}, process ${current.pid}`,
    `hardware  ${state.hardware.cpu}, ${state.hardware.cores} cores; GPU: ${gpus}`,
    `memory    ${memory(vitals.memory)}`,
    ...(vitals.gpus ?? []).map((gpu, index) => `gpu ${index}     ${gpuNow(gpu)}`),
    `slots     ${slots.busy} of ${slots.total} busy, ${slots.queued} waiting (limit ${slots.queueLimit})`,
    `speed     ${vitals.tokensPerSecond.toFixed(1)} tokens/s now`,
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
    `calls     ${vitals.calls.total}${vitals.calls.failed > 0 ? `, ${vitals.calls.failed} of them failed` : ""}`,
    ...callTable(vitals.calls.recent),
  ];
}

function memory({ daemonBytes, modelBytes }: DaemonStatus["vitals"]["memory"]): string {
  const parts = [
    daemonBytes === null ? null : `daemon ${humanBytes(daemonBytes)}`,
    modelBytes === null ? null : `models ${humanBytes(modelBytes)}`,
  ].filter((part) => part !== null);
  return parts.join(", ") || "unknown on this system";
}

function gpuNow(gpu: GpuNow): string {
  const used = gpu.memoryUsedBytes === null ? null : humanBytes(gpu.memoryUsedBytes);
  const total = gpu.memoryTotalBytes === null ? "" : ` of ${humanBytes(gpu.memoryTotalBytes)}`;
  const facts = [
    gpu.powerWatts === null ? null : `${Math.round(gpu.powerWatts)} W`,
    gpu.temperatureCelsius === null ? null : `${gpu.temperatureCelsius} °C`,
    gpu.utilizationPercent === null ? null : `${gpu.utilizationPercent} % busy`,
    used === null ? null : `${used}${total} in use`,
  ].filter((fact) => fact !== null);
  return `${gpu.name}: ${facts.join(", ") || "tells nothing"}`;
}

const HEADINGS = [
  "ended",
  "model",
  "prompt",
  "reused",
  "written",
  "queue",
  "first",
  "total",
  "tok/s",
  "J",
  "",
];

/** The last calls by their figures; what was said in them is nowhere. */
function callTable(calls: readonly Call[]): string[] {
  if (calls.length === 0) return [];
  const rows = [HEADINGS, ...calls.map(callRow)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    `          ${row
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")}`.trimEnd(),
  );
}

function callRow(call: Call): string[] {
  const count = (value: number | null): string => (value === null ? "-" : String(value));
  return [
    new Date(call.endedAt).toTimeString().slice(0, 8),
    call.model || "-",
    count(call.promptTokens),
    count(call.reusedTokens),
    count(call.completionTokens),
    milliseconds(call.queueMs),
    call.firstTokenMs === null ? "-" : milliseconds(call.firstTokenMs),
    milliseconds(call.durationMs),
    call.tokensPerSecond === null ? "-" : call.tokensPerSecond.toFixed(1),
    call.energyJoules === null ? "-" : call.energyJoules.toFixed(call.energyJoules < 10 ? 1 : 0),
    call.outcome === "ok" ? "" : call.outcome,
  ];
}

function milliseconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** For people: seconds, minutes or hours, whole. */
export function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  if (minutes < 120) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h`;
}
