import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createApiKey } from "../../src/security/api-keys.ts";
import { StartError } from "../gateway/start-error.ts";

export interface Secrets {
  ROUTELET_SECRET: string;
  ROUTELET_API_KEY: string;
  ROUTELET_ADMIN_KEY: string;
}

const NAMES = ["ROUTELET_SECRET", "ROUTELET_API_KEY", "ROUTELET_ADMIN_KEY"] as const;

export function secretsPath(stateDir: string): string {
  return join(stateDir, "secrets.json");
}

/**
 * The secrets of a local gateway: those in the environment, else those of the last start, else new ones. What was
 * made is kept in a file with mode 0600; what came from the environment is not written down.
 * Throws a `StartError` when the file is damaged: new secrets would make the stored content unreadable.
 */
export function loadSecrets(options: { stateDir: string; env: Record<string, string | undefined> }): Secrets {
  const path = secretsPath(options.stateDir);
  const kept = readKept(path);
  const made: Secrets = {
    ROUTELET_SECRET: kept.ROUTELET_SECRET ?? randomBytes(48).toString("base64url"),
    ROUTELET_API_KEY: kept.ROUTELET_API_KEY ?? createApiKey().key,
    ROUTELET_ADMIN_KEY: kept.ROUTELET_ADMIN_KEY ?? `rla_${randomBytes(32).toString("base64url")}`,
  };
  if (NAMES.some((name) => kept[name] === undefined)) write(options.stateDir, path, made);
  const fromEnv = NAMES.filter((name) => options.env[name]).map((name) => [name, options.env[name]]);
  return { ...made, ...(Object.fromEntries(fromEnv) as Partial<Secrets>) };
}

function readKept(path: string): Partial<Secrets> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
  try {
    const value = JSON.parse(text) as Record<string, unknown>;
    if (NAMES.every((name) => value[name] === undefined || typeof value[name] === "string")) return value;
  } catch {
    // Falls through to the line that helps.
  }
  throw new StartError(
    `${path} is damaged. Restore it, or delete the folder around it to begin anew (recorded calls are lost).`,
  );
}

/** Writes beside the file and renames: a crash leaves the old file or the new one. */
function write(stateDir: string, path: string, secrets: Secrets): void {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}
