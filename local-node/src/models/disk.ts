import { statfs } from "node:fs/promises";
import { FolderError } from "./make-folder.ts";
import { ModelError } from "./model-error.ts";

/** Left free beside what a download needs, so that the machine keeps breathing. */
const MARGIN_BYTES = 64 * 1024 * 1024;

/** Free bytes for an ordinary user on the volume that holds a folder. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/**
 * Refuses to begin what cannot end.
 * @throws {ModelError} `disk_full`
 */
export async function requireSpace(
  folder: string,
  bytes: number,
  free: (folder: string) => Promise<number> = freeBytes,
): Promise<void> {
  const available = await free(folder);
  if (available < bytes + MARGIN_BYTES) throw diskFull(folder, bytes + MARGIN_BYTES, available);
}

export function diskFull(
  folder: string,
  needed: number,
  available: number | null,
  cause?: unknown,
): ModelError {
  const has = available === null ? "is full" : `has ${humanBytes(available)} free`;
  return new ModelError(
    "disk_full",
    `The disk of ${folder} ${has}, and ${humanBytes(needed)} more are needed. Free space there, or set ROUTELET_CACHE to a folder on another disk.`,
    cause,
  );
}

const UNWRITABLE = new Set(["EACCES", "EROFS", "EPERM", "ENOTDIR"]);

/** Turns a full, forbidden or read-only folder into what a person can act on; anything else is passed through. */
export function explainWrite(error: unknown, folder: string, needed: number): unknown {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT") return diskFull(folder, needed, null, error);
  if (code !== undefined && UNWRITABLE.has(code)) {
    return new ModelError(
      "cache_unwritable",
      `${folder} cannot be written (${code}). Correct its permissions, or set ROUTELET_CACHE to another folder.`,
      error,
    );
  }
  if (error instanceof FolderError) {
    return new ModelError(
      "cache_unwritable",
      `${folder} cannot hold models: ${error.message}. Set ROUTELET_CACHE to another folder.`,
      error,
    );
  }
  return error;
}

/** Bytes for people: 98 MB, 2.9 GB (powers of ten, as disks are sold). */
export function humanBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
