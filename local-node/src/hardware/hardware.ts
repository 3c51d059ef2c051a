import { arch, cpus, platform } from "node:os";
import type { NodeState } from "../../../src/tunnel/protocol/messages.ts";
import { findGpus, type GpuFindings } from "./gpus.ts";
import { hostMemory } from "./host-memory.ts";
import { usableCores } from "./usable-cores.ts";

export interface Gpu {
  name: string;
  memoryBytes: number;
  /** What llama.cpp drives it with: `cuda`, `vulkan`, `metal`; `none`: seen, but not usable yet. */
  backend: string;
}

export interface Hardware {
  platform: string;
  cpu: string;
  cores: number;
  /** What this process may use: the control group's limit, else all of it. */
  memoryBytes: number;
  gpus: Gpu[];
}

/** What needs no child process: instant. */
export function detectHost(): Omit<Hardware, "gpus"> {
  return {
    platform: `${platform()}-${arch()}`,
    cpu: (cpus()[0]?.model.trim() || "unknown").slice(0, 128),
    cores: usableCores(),
    memoryBytes: hostMemory().totalBytes,
  };
}

/** The whole machine. Asking the GPU libraries takes a second or two, in child processes. */
export async function detectHardware(): Promise<{ hardware: Hardware; gpu: GpuFindings }> {
  const gpu = await findGpus();
  return { hardware: { ...detectHost(), gpus: gpu.gpus }, gpu };
}

/** As the gateway is told. */
export function asNodeHardware(hardware: Hardware): NodeState["hardware"] {
  return {
    ...hardware,
    platform: hardware.platform.slice(0, 64),
    gpus: hardware.gpus.slice(0, 32).map((gpu) => ({
      name: gpu.name.slice(0, 128),
      memoryBytes: gpu.memoryBytes,
      backend: gpu.backend.slice(0, 32),
    })),
  };
}
