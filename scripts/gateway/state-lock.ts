import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const SQLITE_BUSY = 5;

/**
 * Takes the state folder for this process, or returns undefined when another gateway has it. The lock is
 * SQLite's on a file of its own: the operating system drops it with the process, so it is never stale.
 */
export function lockState(stateDir: string): { release(): void } | undefined {
  const database = new DatabaseSync(join(stateDir, "lock.sqlite"), { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
  return { release: () => database.close() };
}
