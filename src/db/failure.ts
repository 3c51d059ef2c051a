import { DrizzleQueryError } from "drizzle-orm";

/**
 * D1's own error. Drizzle's wraps it in a message with the statement and its parameters, which belong in no log:
 * key hashes, project names.
 */
export function databaseFailure(error: unknown): unknown {
  return error instanceof DrizzleQueryError ? error.cause : error;
}

/** Whether something thrown says that D1 did not do what it was asked. */
export function isDatabaseFailure(error: unknown): boolean {
  return (
    error instanceof DrizzleQueryError ||
    (error instanceof Error && /\bD1_[A-Z_]*ERROR\b/.test(error.message))
  );
}
