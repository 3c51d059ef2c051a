import { execFile } from "node:child_process";
import { cpus, arch as hostArch, platform as hostPlatform } from "node:os";
import { promisify } from "node:util";
import { z } from "zod";
import { scriptBeside } from "../script-beside.ts";
import type { Gpu } from "./hardware.ts";

/** What the inference library found when it was loaded in a child process. */
const probeSchema = z.object({
  /** `cuda`, `vulkan`, `metal`, or false for the CPU. */
  backend: z.union([z.string(), z.literal(false)]),
  names: z.array(z.string()),
  memoryBytes: z.number().nonnegative(),
  unifiedBytes: z.number().nonnegative(),
});
export type LibraryProbe = z.infer<typeof probeSchema>;

export interface NvidiaGpu {
  name: string;
  memoryBytes: number;
  driver: string;
}

export interface GpuFindings {
  gpus: Gpu[];
  /** In plain words, why a GPU is not used as well as it could be, with what mends it; null when all is well. */
  problem: string | null;
}

const run = promisify(execFile);

/**
 * Looks for GPUs in both ways at once: the driver's own tool, and the inference library. Never throws; `signal` ends
 * the child processes, and the findings are then worth nothing.
 */
export async function findGpus(signal?: AbortSignal): Promise<GpuFindings> {
  const [nvidia, probe] = await Promise.all([askNvidia(signal), probeLibrary(signal)]);
  return judge({ nvidia, probe, platform: hostPlatform(), arch: hostArch(), chip: cpus()[0]?.model ?? "" });
}

/** Null: no driver. */
async function askNvidia(signal?: AbortSignal): Promise<NvidiaGpu[] | null> {
  try {
    const { stdout } = await run(
      "nvidia-smi",
      ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"],
      { timeout: 10_000, windowsHide: true, signal },
    );
    return parseNvidia(stdout);
  } catch {
    return null;
  }
}

/** Lines of `name, MiB, driver`. */
export function parseNvidia(text: string): NvidiaGpu[] {
  return text.split("\n").flatMap((line) => {
    const [name, memory, driver] = line.split(",").map((part) => part.trim());
    const mebibytes = Number(memory);
    return name && driver && Number.isFinite(mebibytes)
      ? [{ name, driver, memoryBytes: mebibytes * 1024 * 1024 }]
      : [];
  });
}

/** Null: the library could not be loaded at all. In a child, since loading GPU drivers costs memory and may crash. */
async function probeLibrary(signal?: AbortSignal): Promise<LibraryProbe | null> {
  try {
    const script = scriptBeside("./probe-library", import.meta.url);
    const { stdout } = await run(process.execPath, [script], {
      timeout: 60_000,
      windowsHide: true,
      signal,
      killSignal: "SIGKILL",
    });
    return probeSchema.parse(JSON.parse(stdout.trim().split("\n").pop() ?? ""));
  } catch {
    return null;
  }
}

/** Puts both findings together. */
export function judge(found: {
  nvidia: NvidiaGpu[] | null;
  probe: LibraryProbe | null;
  platform: NodeJS.Platform;
  arch: string;
  chip: string;
}): GpuFindings {
  const { nvidia, probe, platform } = found;
  const backend = probe?.backend || null;
  const gpus = backend ? usable(found, backend) : [];
  if (probe === null) {
    return {
      gpus: (nvidia ?? []).map((gpu) => ({ ...plain(gpu), backend: "none" })),
      problem:
        "The inference library could not be loaded. Run npm install again on this machine (optional dependencies included).",
    };
  }
  if (nvidia && nvidia.length > 0 && backend !== "cuda") {
    return {
      gpus: backend ? gpus : nvidia.map((gpu) => ({ ...plain(gpu), backend: "none" })),
      problem: `${nvidia[0]?.name} runs ${backend ? "through Vulkan, which is slower than CUDA" : "not at all"}: its driver is there, but the CUDA runtime and cuBLAS libraries are not. ${cudaRemedy(platform)}`,
    };
  }
  if (backend) return { gpus, problem: null };
  return { gpus: [], problem: `No GPU was found. ${noGpuRemedy(platform)}` };
}

function plain(gpu: NvidiaGpu): { name: string; memoryBytes: number } {
  return { name: gpu.name, memoryBytes: gpu.memoryBytes };
}

function usable(found: Parameters<typeof judge>[0], backend: string): Gpu[] {
  const { nvidia, probe } = found;
  if (backend === "cuda" && nvidia && nvidia.length > 0)
    return nvidia.map((gpu) => ({ ...plain(gpu), backend }));
  const names = probe?.names.length ? probe.names : [found.chip || backend];
  const each = (probe?.memoryBytes ?? 0) / names.length;
  return names.map((name) => ({ name, memoryBytes: Math.round(each), backend }));
}

function cudaRemedy(platform: NodeJS.Platform): string {
  return platform === "win32"
    ? "Run: winget install Nvidia.CUDA"
    : "Install the CUDA toolkit of major version 12 or 13 from NVIDIA's repository (Debian, Ubuntu: sudo apt install cuda-toolkit-13; Fedora: sudo dnf install cuda-toolkit-13).";
}

function noGpuRemedy(platform: NodeJS.Platform): string {
  if (platform === "linux") {
    return "If there is one, install its driver: NVIDIA's driver package, or for AMD and Intel: sudo apt install mesa-vulkan-drivers libvulkan1. In a container, pass it through (docker run --gpus all). Without one, small models run on the CPU.";
  }
  if (platform === "win32")
    return "If there is one, install its maker's driver. Without one, small models run on the CPU.";
  return "Small models run on the CPU.";
}
