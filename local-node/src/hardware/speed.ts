import type { Gpu, Hardware } from "./hardware.ts";

/** Memory bandwidth in bytes/s, from the makers' data sheets; the first pattern that matches the name counts. */
const BANDWIDTH: readonly [RegExp, number][] = [
  [/H200/i, 4800e9],
  [/H100/i, 3350e9],
  [/A100/i, 1555e9],
  [/L40S?|RTX 6000 Ada/i, 864e9],
  [/\bL4\b/i, 300e9],
  [/A10\b/i, 600e9],
  [/\bT4\b/i, 320e9],
  [/RTX 5090/i, 1792e9],
  [/RTX 5080/i, 960e9],
  [/RTX 5070 Ti/i, 896e9],
  [/RTX 5070/i, 672e9],
  [/RTX 5060/i, 448e9],
  [/RTX 4090/i, 1008e9],
  [/RTX 4080/i, 717e9],
  [/RTX 4070/i, 504e9],
  [/RTX 4060/i, 272e9],
  [/RTX 3090/i, 936e9],
  [/RTX 3080/i, 760e9],
  [/RTX 3070/i, 448e9],
  [/RTX 3060/i, 360e9],
  [/RTX 3050/i, 224e9],
  [/RTX 20[678]0/i, 448e9],
  [/GTX 16\d0/i, 192e9],
  [/RX 7900/i, 800e9],
  [/RX 9070/i, 640e9],
  [/RX (?:6[89]|78)00/i, 512e9],
  [/M[1-4] Ultra/i, 800e9],
  [/M[1-4] Max/i, 400e9],
  [/M[1-4] Pro/i, 200e9],
  [/Apple M[1-9]/i, 100e9],
];

/** A GPU that is in no table: an integrated one shares the host's memory bus. */
const UNKNOWN_GPU = 200e9;
const INTEGRATED_GPU = 50e9;

/** Two channels of DDR4 and up; one core alone draws about 12 GB/s of them. */
const CPU = { perCore: 12e9, most: 50e9 } as const;

/** Effective multiply-adds for prompts: 55 GFLOP/s per core with AVX2 or better, measured with Q4 kernels. */
const CPU_FLOPS_PER_CORE = 55e9;

/** GPUs compute about this many operations in the time that they read one byte (low estimates). */
const FLOPS_PER_BYTE = { discrete: 40, apple: 25, integrated: 8 } as const;

/** Bytes/s that decoding can read, on a GPU or (null) on the CPU. */
export function bandwidthOf(hardware: Hardware, gpu: Gpu | null): number {
  if (gpu === null) return Math.min(CPU.most, CPU.perCore * hardware.cores);
  const known = BANDWIDTH.find(([pattern]) => pattern.test(gpu.name))?.[1];
  return known ?? (isIntegrated(gpu) ? INTEGRATED_GPU : UNKNOWN_GPU);
}

/** Floating-point operations/s that a prompt's evaluation reaches. */
export function computeOf(hardware: Hardware, gpu: Gpu | null): number {
  if (gpu === null) return CPU_FLOPS_PER_CORE * hardware.cores;
  const kind = gpu.backend === "metal" ? "apple" : isIntegrated(gpu) ? "integrated" : "discrete";
  return bandwidthOf(hardware, gpu) * FLOPS_PER_BYTE[kind];
}

function isIntegrated(gpu: Gpu): boolean {
  return /Intel|UHD|Iris|Radeon(?:\(TM\))? Graphics|Vega|llvmpipe/i.test(gpu.name);
}
