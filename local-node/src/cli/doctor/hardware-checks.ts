import type { GpuFindings } from "../../hardware/gpus.ts";
import type { Hardware } from "../../hardware/hardware.ts";
import { CATALOGUE } from "../../models/catalogue.ts";
import { chooseModel } from "../../models/choose.ts";
import { humanBytes } from "../../models/disk.ts";
import type { Check } from "./check.ts";

/** Below this even the starter is cramped beside an operating system. */
const LITTLE_MEMORY = 2e9;

export function hostChecks(hardware: Hardware): Check[] {
  const best = chooseModel({ catalogue: CATALOGUE, hardware, cachedIds: new Set() });
  const model = best.better ?? best.now;
  return [
    { name: "platform", verdict: "ok", text: hardware.platform },
    {
      name: "cores",
      verdict: "ok",
      text: `${hardware.cores} usable (${hardware.cpu})`,
    },
    hardware.memoryBytes < LITTLE_MEMORY
      ? {
          name: "memory",
          verdict: "bad",
          text: `${humanBytes(hardware.memoryBytes)} is too little to run a model. Raise the container's limit, or use another machine.`,
        }
      : { name: "memory", verdict: "ok", text: humanBytes(hardware.memoryBytes) },
    {
      name: "model",
      verdict: "ok",
      text: `${model.id} (${humanBytes(model.fileBytes)}, ${model.licence}) is the best that fits and is fast enough here`,
    },
  ];
}

export function gpuCheck(hardware: Hardware, found: GpuFindings): Check {
  const list = hardware.gpus
    .map(
      (gpu) =>
        `${gpu.name}, ${humanBytes(gpu.memoryBytes)}, ${gpu.backend === "none" ? "not usable" : gpu.backend}`,
    )
    .join("; ");
  if (found.problem === null) return { name: "gpu", verdict: "ok", text: list };
  return {
    name: "gpu",
    verdict: list === "" ? "note" : "bad",
    text: [list, found.problem].filter(Boolean).join(". "),
  };
}
