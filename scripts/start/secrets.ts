import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createApiKey } from "../../src/security/api-keys.ts";
import { StartError } from "../gateway/start-error.ts";

export interface Secrets {
  ROUTELET_SECRET: string;
  ROUTELET_API_KEY: string;
  ROUTELET_ADMIN_KEY: string;
}

const NAMES = ["ROUTELET_SECRET", "ROUTELET_API_KEY", "ROUTELET_ADMIN_KEY"] as const;

/** As `src/env.ts` asks for it. */
const SECRET_LENGTH = 32;
/** A shorter key is guessed in no time. */
const KEY_LENGTH = 8;

export function secretsPath(stateDir: string): string {
  return join(stateDir, "secrets.json");
}

/**
 * Looks at the secrets in the environment before anything is started with them. Returns warnings, a line each.
 * Throws a `StartError` for a value that cannot work; no message contains a value.
 */
export function checkSecrets(env: Record<string, string | undefined>): string[] {
  const warnings: string[] = [];
  for (const name of [...NAMES, "ROUTELET_SECRET_PREVIOUS"]) {
    const value = env[name];
    if (value === undefined) continue;
    if (value.trim() === "")
      throw new StartError(
        `${name} is set but empty. Give it a value, or unset it to have one made and kept.`,
      );
    if (name.includes("SECRET")) {
      if (value.length < SECRET_LENGTH)
        throw new StartError(
          `${name} has ${value.length} characters and needs at least ${SECRET_LENGTH}. Make one with: openssl rand -base64 48`,
        );
    } else if (!/^[\x21-\x7e]+$/.test(value)) {
      throw new StartError(
        `${name} has characters that cannot be sent as a bearer token. Use letters, digits and signs, without spaces.`,
      );
    } else if (value.length < KEY_LENGTH) {
      warnings.push(`${name} has only ${value.length} characters: who reaches the gateway can guess it.`);
    }
  }
  return warnings;
}

/**
 * The secrets of a local gateway: those in the environment, else those of the last start, else new ones. What was
 * made is kept in a file with mode 0600 in the state folder, which must be there; what came from the environment is not written down.
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
  if (NAMES.some((name) => kept[name] === undefined)) write(path, made);
  const fromEnv = NAMES.filter((name) => options.env[name] !== undefined).map((name) => [
    name,
    options.env[name],
  ]);
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
    if (NAMES.every((name) => isKept(name, value[name]))) return value;
  } catch {
    // Falls through to the line that helps.
  }
  throw new StartError(
    `${path} is damaged. Restore it, or delete the folder around it to begin anew (recorded calls are lost).`,
  );
}

function isKept(name: string, value: unknown): boolean {
  if (value === undefined) return true;
  return typeof value === "string" && value.length >= (name === "ROUTELET_SECRET" ? SECRET_LENGTH : 1);
}

/** Writes beside the file and renames: a crash leaves the old file or the new one. */
function write(path: string, secrets: Secrets): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}
