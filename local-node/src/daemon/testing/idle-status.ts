import type { DaemonStatus } from "../status.ts";

/** A daemon that is connected and has done nothing yet. */
export const IDLE_STATUS: DaemonStatus = {
  pid: 7,
  startedAt: 0,
  gatewayUrl: "https://gateway.test",
  node: { id: "node_1", name: "desk", projects: ["default"] },
  tunnel: { phase: "connected", activeCalls: 0, lastError: null },
  state: {
    version: "1",
    models: [],
    slots: { total: 0, busy: 0, queued: 0, queueLimit: 64 },
    hardware: { platform: "linux-x64", cpu: "CPU", cores: 2, memoryBytes: 1, gpus: [] },
    draining: false,
  },
  paused: null,
  vitals: {
    calls: { total: 0, failed: 0, recent: [] },
    tokensPerSecond: 0,
    memory: { daemonBytes: null, modelBytes: null },
    gpus: null,
  },
};
