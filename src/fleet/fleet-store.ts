import { z } from "zod";
import { type NodeState, nodeStateSchema } from "../tunnel/protocol/messages.ts";
import type { FleetNode } from "./snapshot.ts";

/** Times are milliseconds since the epoch. Token texts never reach this store. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS join_tokens (
  hash TEXT PRIMARY KEY,
  projects TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT,
  expires_at INTEGER NOT NULL,
  used_by TEXT
);
CREATE TABLE IF NOT EXISTS nodes (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  projects TEXT NOT NULL,
  public_key TEXT NOT NULL,
  enrolled_at INTEGER NOT NULL,
  generation INTEGER NOT NULL DEFAULT 0,
  connected INTEGER NOT NULL DEFAULT 0,
  last_seen_at INTEGER NOT NULL,
  state TEXT,
  revoked_at INTEGER,
  revocation_pending INTEGER NOT NULL DEFAULT 0
);`;

const projectsSchema = z.array(z.string());

interface NodeRow extends Record<string, SqlStorageValue> {
  id: string;
  name: string;
  projects: string;
  connected: number;
  last_seen_at: number;
  state: string | null;
}

/** What a node's object says of it; the newest truth each time, so that a lost report is healed by the next. */
export interface NodeReport {
  generation: number;
  connected: boolean;
  lastSeenAt: number;
  /** Null leaves the last known state in place. */
  state: NodeState | null;
}

export type TokenUse =
  | { ok: true; projects: string[] }
  | { ok: false; reason: "unknown" | "used" | "expired" };

/** The rows of the `Fleet` object. Every method is one synchronous step, hence atomic within the object. */
export class FleetStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
  }

  addToken(token: {
    hash: string;
    projects: string[];
    now: number;
    expiresAt: number;
    createdBy: string | null;
  }): void {
    // A token that ran out a day ago tells the operator's log nothing any more.
    this.#sql.exec("DELETE FROM join_tokens WHERE expires_at < ?", token.now - 86_400_000);
    this.#sql.exec(
      "INSERT INTO join_tokens (hash, projects, created_at, created_by, expires_at) VALUES (?, ?, ?, ?, ?)",
      token.hash,
      JSON.stringify(token.projects),
      token.now,
      token.createdBy,
      token.expiresAt,
    );
  }

  /** Marks the token as used by `nodeId`; only the first caller gets `ok`. */
  useToken(options: { hash: string; nodeId: string; now: number }): TokenUse {
    const row = this.#sql
      .exec<{ projects: string; expires_at: number; used_by: string | null }>(
        "SELECT projects, expires_at, used_by FROM join_tokens WHERE hash = ?",
        options.hash,
      )
      .toArray()[0];
    if (row === undefined) return { ok: false, reason: "unknown" };
    if (row.used_by !== null) return { ok: false, reason: "used" };
    if (row.expires_at <= options.now) return { ok: false, reason: "expired" };
    this.#sql.exec("UPDATE join_tokens SET used_by = ? WHERE hash = ?", options.nodeId, options.hash);
    return { ok: true, projects: projectsSchema.parse(JSON.parse(row.projects)) };
  }

  /** Undoes an enrolment whose node could not be set up, so that the operator's token is not lost. */
  undoEnrolment(options: { hash: string; nodeId: string }): void {
    this.#sql.exec("DELETE FROM nodes WHERE id = ?", options.nodeId);
    this.#sql.exec(
      "UPDATE join_tokens SET used_by = NULL WHERE hash = ? AND used_by = ?",
      options.hash,
      options.nodeId,
    );
  }

  addNode(node: { id: string; name: string; projects: string[]; publicKey: string; now: number }): void {
    this.#sql.exec(
      "INSERT INTO nodes (id, name, projects, public_key, enrolled_at, last_seen_at) VALUES (?, ?, ?, ?, ?, ?)",
      node.id,
      node.name,
      JSON.stringify(node.projects),
      node.publicKey,
      node.now,
      node.now,
    );
  }

  /** Ignores a report of a connection that a newer one replaced, and of a node that is gone. */
  report(id: string, report: NodeReport): void {
    this.#sql.exec(
      `UPDATE nodes SET generation = ?, connected = ?, last_seen_at = ?, state = COALESCE(?, state)
       WHERE id = ? AND generation <= ? AND revoked_at IS NULL`,
      report.generation,
      report.connected ? 1 : 0,
      report.lastSeenAt,
      report.state === null ? null : JSON.stringify(report.state),
      id,
      report.generation,
    );
  }

  /** False when there is no such node, or it was revoked before. */
  revoke(id: string, now: number): boolean {
    const revoked = this.#sql
      .exec(
        `UPDATE nodes SET revoked_at = ?, revocation_pending = 1, connected = 0
         WHERE id = ? AND revoked_at IS NULL RETURNING id`,
        now,
        id,
      )
      .toArray();
    return revoked.length > 0;
  }

  /** Revoked nodes whose object has not confirmed yet that its socket is closed. */
  pendingRevocations(): string[] {
    return this.#sql
      .exec<{ id: string }>("SELECT id FROM nodes WHERE revocation_pending = 1")
      .toArray()
      .map((row) => row.id);
  }

  confirmRevocation(id: string): void {
    this.#sql.exec("UPDATE nodes SET revocation_pending = 0 WHERE id = ?", id);
  }

  /** All nodes that are not revoked, oldest first. */
  nodes(): FleetNode[] {
    return this.#sql
      .exec<NodeRow>(
        `SELECT id, name, projects, connected, last_seen_at, state FROM nodes
         WHERE revoked_at IS NULL ORDER BY enrolled_at, id`,
      )
      .toArray()
      .map((row) => ({
        id: row.id,
        name: row.name,
        projects: projectsSchema.parse(JSON.parse(row.projects)),
        connected: row.connected === 1,
        lastSeenAt: row.last_seen_at,
        state: row.state === null ? null : nodeStateSchema.parse(JSON.parse(row.state)),
      }));
  }
}
