import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);
const TIMEOUT_MS = 10_000;

/** The driver's own tool; in tests another program that answers as it does. */
const NVIDIA_SMI = "nvidia-smi";

/** A GPU at one moment, as its driver tells; null for what this card or driver does not measure. */
export interface GpuReading {
  name: string;
  /** Of the whole board. */
  powerWatts: number | null;
  temperatureCelsius: number | null;
  /** Share of time that anything computed on it, in percent. */
  utilizationPercent: number | null;
  memoryUsedBytes: number | null;
  memoryTotalBytes: number | null;
}

const READING_FIELDS = [
  "index",
  "name",
  "power.draw",
  "temperature.gpu",
  "utilization.gpu",
  "memory.used",
  "memory.total",
];
const CSV = "--format=csv,noheader,nounits";

/** A line of the query above; null when it is none (a warning of the driver's). */
export function parseReading(line: string): { index: number; reading: GpuReading } | null {
  const parts = line.split(",").map((part) => part.trim());
  const [index, name, power, temperature, utilization, used, total] = parts;
  if (parts.length !== READING_FIELDS.length || !name || !/^\d+$/.test(index ?? "")) return null;
  return {
    index: Number(index),
    reading: {
      name,
      powerWatts: measured(power),
      temperatureCelsius: measured(temperature),
      utilizationPercent: measured(utilization),
      memoryUsedBytes: mebibytes(used),
      memoryTotalBytes: mebibytes(total),
    },
  };
}

/** `[N/A]`, `[Not Supported]`, `[Unknown Error]` and their like are no numbers. */
function measured(text: string | undefined): number | null {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

function mebibytes(text: string | undefined): number | null {
  const value = measured(text);
  return value === null ? null : value * 1024 * 1024;
}

/** Every GPU now; null where there is no driver. */
export async function readGpus(program = NVIDIA_SMI): Promise<GpuReading[] | null> {
  try {
    const { stdout } = await run(program, [`--query-gpu=${READING_FIELDS}`, CSV], {
      timeout: TIMEOUT_MS,
      windowsHide: true,
    });
    return stdout.split("\n").flatMap((line) => parseReading(line)?.reading ?? []);
  } catch {
    return null;
  }
}

/**
 * Reads again and again, in one process, until it is closed.
 *
 * @param onSample every GPU, once per round
 * @param onEnd the process ended by itself, or there is no such program
 */
export function streamGpus(options: {
  intervalMs: number;
  onSample: (gpus: GpuReading[]) => void;
  onEnd: () => void;
  program?: string;
}): { close(): void } {
  const args = [`--query-gpu=${READING_FIELDS}`, CSV, `--loop-ms=${options.intervalMs}`];
  const child = spawn(options.program ?? NVIDIA_SMI, args, {
    stdio: ["ignore", "pipe", "ignore"],
    windowsHide: true,
  });
  let round: GpuReading[] = [];
  let flush: NodeJS.Timeout | null = null;
  let closed = false;
  const end = () => {
    if (flush !== null) clearTimeout(flush);
    if (closed) return;
    closed = true;
    options.onEnd();
  };
  const emit = () => {
    flush = null;
    const gpus = round;
    round = [];
    if (!closed && gpus.length > 0) options.onSample(gpus);
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    const parsed = parseReading(line);
    if (parsed === null) return;
    // The lines of one round come together; a lower index also begins the next one.
    if (parsed.index === 0 && round.length > 0) emit();
    round.push(parsed.reading);
    flush ??= setTimeout(emit, options.intervalMs / 4);
  });
  child.on("error", end);
  child.on("exit", end);
  return {
    close: () => {
      closed = true;
      if (flush !== null) clearTimeout(flush);
      child.kill();
    },
  };
}

/** A process that computes on a GPU. */
export interface GpuProcess {
  pid: number;
  name: string;
  /** Null where the driver does not tell (Windows with a display). */
  memoryBytes: number | null;
}

/** Every process that computes on a GPU; null where there is no driver. */
export async function readGpuProcesses(program = NVIDIA_SMI): Promise<GpuProcess[] | null> {
  try {
    const { stdout } = await run(program, ["--query-compute-apps=pid,process_name,used_memory", CSV], {
      timeout: TIMEOUT_MS,
      windowsHide: true,
    });
    return stdout.split("\n").flatMap(parseProcess);
  } catch {
    return null;
  }
}

/** `1234, /usr/bin/python3, 5120`; a name may contain commas. */
export function parseProcess(line: string): GpuProcess[] {
  const match = /^\s*(\d+)\s*,\s*(.*?)\s*,\s*([^,]*?)\s*$/.exec(line);
  if (match === null) return [];
  const [, pid, name = "", memory] = match;
  return [{ pid: Number(pid), name, memoryBytes: mebibytes(memory) }];
}
