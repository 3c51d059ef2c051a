import type { GpuProcess, GpuReading } from "../hardware/nvidia-smi.ts";

/** What was seen of the GPUs at one moment. Null: the driver told nothing. */
export interface GpuSight {
  processes: GpuProcess[] | null;
  gpus: GpuReading[] | null;
  /** This node's own processes. */
  ownPids: readonly number[];
  /** Whether the node computed since the last look. */
  nodeWasBusy: boolean;
}

/** Less is a desktop's, not a program that needs the GPU. */
const TAKEN_BYTES = 512 * 1024 * 1024;
/** Use that is not the node's: a game, a film that is cut. In percent; it must fall below the second to be over. */
const BUSY = { from: 40, until: 15 };
/** So many looks in a row must agree, so that a moment's use decides nothing. */
const LOOKS = { taken: 2, free: 12 };

/**
 * Decides from looks at the GPUs whether somebody else needs them: another process that computes there with much
 * memory, or load while the node does nothing (games do not show as computing). Answers with the name of what takes them,
 * or null.
 *
 * @param ignore parts of names of programs that may share the GPU
 */
export function createGpuTakenDetector(): (sight: GpuSight, ignore: readonly string[]) => string | null {
  let taken: string | null = null;
  let agreeing = 0;

  return (sight, ignore) => {
    const seen = takenBy(sight, ignore, taken !== null);
    if (seen === undefined || (seen === null) === (taken === null)) {
      agreeing = 0;
      if (seen) taken = seen;
      return taken;
    }
    agreeing++;
    if (agreeing >= (seen === null ? LOOKS.free : LOOKS.taken)) {
      taken = seen;
      agreeing = 0;
    }
    return taken;
  };
}

/** What takes the GPUs in this one look; undefined where it does not tell either way. */
function takenBy(sight: GpuSight, ignore: readonly string[], wasTaken: boolean): string | null | undefined {
  const { processes, gpus } = sight;
  if (processes === null && gpus === null) return undefined;
  const other = processes?.find(
    ({ pid, name, memoryBytes }) =>
      !sight.ownPids.includes(pid) &&
      (memoryBytes ?? 0) >= TAKEN_BYTES &&
      !ignore.some((part) => name.toLowerCase().includes(part.toLowerCase())),
  );
  if (other !== undefined) return baseName(other.name);
  if (sight.nodeWasBusy) return wasTaken ? undefined : null;
  const load = Math.max(0, ...(gpus ?? []).map(({ utilizationPercent }) => utilizationPercent ?? 0));
  if (load >= (wasTaken ? BUSY.until : BUSY.from)) return "another program";
  return null;
}

function baseName(path: string): string {
  return path.split(/[\\/]/).pop() || path;
}
