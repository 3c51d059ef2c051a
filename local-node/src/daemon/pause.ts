import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { z } from "zod";

/** Why the node does not serve now. */
export const pauseSchema = z.object({
  reason: z.enum(["owner", "quiet_hours", "gpu_taken"]),
  /** What takes the GPU, for `gpu_taken`. */
  by: z.string().nullable(),
  /** Milliseconds since the epoch; null: until it is told to go on, or the reason is gone. */
  until: z.number().nullable(),
});
export type Pause = z.infer<typeof pauseSchema>;

export interface PauseSources {
  /** What the owner said last; null: nothing, or it is over. */
  owner: { until: number | null } | null;
  /** The end of the quiet hours that it is now; null when it is not quiet. */
  quietUntil: number | null;
  /** What takes the GPU. */
  gpuTakenBy: string | null;
  /** The owner said to go on although it is quiet or the GPU is taken. */
  overridden: boolean;
}

/** The owner's word counts most, then his plan, then what is seen of the GPU. */
export function pauseOf(sources: PauseSources, now: number): Pause | null {
  const { owner, quietUntil, gpuTakenBy } = sources;
  if (owner !== null && (owner.until === null || owner.until > now)) {
    return { reason: "owner", by: null, until: owner.until };
  }
  if (sources.overridden) return null;
  if (quietUntil !== null) {
    return { reason: "quiet_hours", by: null, until: Number.isFinite(quietUntil) ? quietUntil : null };
  }
  return gpuTakenBy === null ? null : { reason: "gpu_taken", by: gpuTakenBy, until: null };
}

/** One line for people. */
export function describePause(pause: Pause): string {
  const until = pause.until === null ? "" : ` until ${new Date(pause.until).toLocaleString()}`;
  if (pause.reason === "owner") return `paused by its owner${until}`;
  if (pause.reason === "quiet_hours") return `paused for quiet hours${until}`;
  return `paused while ${pause.by ?? "another program"} uses the GPU`;
}

const fileSchema = z.object({ until: z.number().nullable() });

/**
 * The owner's pause outlasts a restart: he did not say that it was over.
 * @throws Error that names a file that cannot be read
 */
export async function loadOwnersPause(path: string): Promise<PauseSources["owner"]> {
  try {
    return fileSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new Error(`${path} cannot be read, so a pause that it held is over. Delete it.`, { cause: error });
  }
}

export async function saveOwnersPause(path: string, owner: PauseSources["owner"]): Promise<void> {
  if (owner === null) return rm(path, { force: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(owner)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}

/** Reads `90s`, `45m`, `2h`, `1h30m`, `1d`; milliseconds, or null when it is no length of time. */
export function parseLength(text: string): number | null {
  const match = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text.trim());
  if (match === null) return null;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  const ms = ((((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000;
  return ms > 0 ? ms : null;
}
