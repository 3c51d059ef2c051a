import { database } from "./client.ts";
import { type AuditAction, auditLog } from "./schema.ts";

export interface AuditEntry {
  at: number;
  action: AuditAction;
  target: string;
  projectId: string | null;
}

/** The insert itself, for a `batch()` together with the change that it records. */
export function auditInsert(options: { db: D1Database; entry: AuditEntry }) {
  return database(options.db).insert(auditLog).values(options.entry);
}

/**
 * Records what was done outside of D1. A failure is an error line with the whole entry, never a failed action:
 * a node must be revocable while D1 is down.
 */
export async function recordAfterwards(options: { db: D1Database; entry: AuditEntry }): Promise<void> {
  try {
    await auditInsert(options);
  } catch (error) {
    const kind = error instanceof Error ? error.name : typeof error;
    console.error(JSON.stringify({ event: "audit_not_written", error: kind, ...options.entry }));
  }
}
