import { sql } from "drizzle-orm";
import {
  blob,
  index,
  integer,
  primaryKey,
  real,
  sqliteTable,
  text,
  uniqueIndex,
} from "drizzle-orm/sqlite-core";

/*
 * D1. Every stored field, its form and its lifetime stand in `docs/storage-schema.md`.
 * Times are milliseconds since the epoch. Ids sort by time. The tables that grow with the traffic are
 * `WITHOUT ROWID` (added to the generated migration by hand, drizzle has no word for it) and have at most one
 * index, because D1 bills a written row for each index, the primary key of a rowid table included.
 */

export const projects = sqliteTable("projects", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  createdAt: integer("created_at").notNull(),
});

/** Who reads the answers: an agent's program, or a person who watches them arrive. */
export type Audience = "agent" | "human";

export const apiKeys = sqliteTable("api_keys", {
  id: text("id").primaryKey(),
  projectId: text("project_id")
    .notNull()
    .references(() => projects.id),
  name: text("name").notNull(),
  /** The first characters, to recognise a key in a list; tells nothing about the rest. */
  prefix: text("prefix").notNull(),
  /** HMAC-SHA-256 of the whole key under the pepper, in hex. */
  hash: text("hash").notNull().unique(),
  returnRequestedModel: integer("return_requested_model", { mode: "boolean" }).notNull().default(false),
  audience: text("audience").$type<Audience>().notNull().default("agent"),
  createdAt: integer("created_at").notNull(),
  revokedAt: integer("revoked_at"),
});

/** How a call ended, as stored: `lost` is added by the ledger when no finish ever arrived. */
export type StoredOutcome = "done" | "error" | "deadline" | "cancelled" | "lost";

export const calls = sqliteTable(
  "calls",
  {
    id: text("id").primaryKey(),
    projectId: text("project_id").notNull(),
    keyId: text("key_id").notNull(),
    startedAt: integer("started_at").notNull(),
    endpoint: text("endpoint").notNull(),
    requestedModel: text("requested_model").notNull(),
    route: text("route"),
    task: text("task"),
    session: text("session"),
    stream: integer("stream", { mode: "boolean" }).notNull(),
    traceId: text("trace_id"),
    /** Null while the call runs; `lost` when its end was never reported. */
    outcome: text("outcome").$type<StoredOutcome>(),
    endedAt: integer("ended_at"),
    status: integer("status"),
    servedBy: text("served_by"),
    reason: text("reason"),
    errorCode: text("error_code"),
    latencyMs: real("latency_ms"),
    firstByteMs: real("first_byte_ms"),
    inputTokens: integer("input_tokens"),
    cachedInputTokens: integer("cached_input_tokens"),
    outputTokens: integer("output_tokens"),
    costUsd: real("cost_usd"),
  },
  (table) => [index("calls_by_project").on(table.projectId, table.id)],
);

export const attempts = sqliteTable(
  "attempts",
  {
    callId: text("call_id").notNull(),
    seq: integer("seq").notNull(),
    projectId: text("project_id").notNull(),
    kind: text("kind").$type<"node" | "cloud">().notNull(),
    backend: text("backend").notNull(),
    model: text("model").notNull(),
    startedAt: integer("started_at").notNull(),
    latencyMs: real("latency_ms").notNull(),
    firstByteMs: real("first_byte_ms"),
    outcome: text("outcome").$type<Exclude<StoredOutcome, "lost">>().notNull(),
    status: integer("status"),
    errorCode: text("error_code"),
    inputTokens: integer("input_tokens"),
    cachedInputTokens: integer("cached_input_tokens"),
    outputTokens: integer("output_tokens"),
    costUsd: real("cost_usd"),
  },
  (table) => [primaryKey({ columns: [table.callId, table.seq] })],
);

export const bodies = sqliteTable(
  "bodies",
  {
    callId: text("call_id").notNull(),
    part: text("part").$type<"request" | "response">().notNull(),
    projectId: text("project_id").notNull(),
    keyId: text("key_id").notNull(),
    iv: blob("iv", { mode: "buffer" }).$type<Uint8Array>().notNull(),
    ciphertext: blob("ciphertext", { mode: "buffer" }).$type<Uint8Array>().notNull(),
    compression: text("compression").$type<"gzip" | "none">().notNull(),
    originalBytes: integer("original_bytes").notNull(),
    truncated: integer("truncated", { mode: "boolean" }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.callId, table.part] })],
);

/** What callers said of answers: one row for each call or run and each key, the newest counts. */
export const feedback = sqliteTable(
  "feedback",
  {
    projectId: text("project_id").notNull(),
    /** A call's id, or `run:` and the name that its calls carried as their session. */
    target: text("target").notNull(),
    keyId: text("key_id").notNull(),
    at: integer("at").notNull(),
    /** 0 to 1; null where only a correction was given. */
    score: real("score"),
    /** Correction and comment, encrypted; all four null where there are none. */
    secretId: text("secret_id"),
    iv: blob("iv", { mode: "buffer" }).$type<Uint8Array>(),
    ciphertext: blob("ciphertext", { mode: "buffer" }).$type<Uint8Array>(),
    compression: text("compression").$type<"gzip" | "none">(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.target, table.keyId] })],
);

/**
 * Ended calls by the hour in which they began: what pages count and add up, so that nobody scans `calls`. Written in the
 * same transaction as the calls, so that each counts once. Calls whose end was never reported are not in it.
 */
export const rollupsHourly = sqliteTable(
  "rollups_hourly",
  {
    projectId: text("project_id").notNull(),
    /** Hours since the epoch. */
    hour: integer("hour").notNull(),
    keyId: text("key_id").notNull(),
    /** "" for none. */
    task: text("task").notNull(),
    /** "" where nothing served: any word may stand in the model of a refused call. */
    requestedModel: text("requested_model").notNull(),
    servedBy: text("served_by").notNull(),
    calls: integer("calls").notNull(),
    /** Those that did not end as `done`. */
    failed: integer("failed").notNull(),
    inputTokens: integer("input_tokens").notNull(),
    cachedInputTokens: integer("cached_input_tokens").notNull(),
    outputTokens: integer("output_tokens").notNull(),
    /** US dollars, of the calls whose cost is known. */
    costUsd: real("cost_usd").notNull(),
    /** Calls that a cloud provider served at a price that nobody knows. */
    unpriced: integer("unpriced").notNull(),
    /** Sum over the calls. */
    latencyMs: real("latency_ms").notNull(),
  },
  (table) => [
    primaryKey({
      columns: [table.projectId, table.hour, table.keyId, table.task, table.requestedModel, table.servedBy],
    }),
  ],
);

/** What a data set is for: examples to train on, or a raw sample to judge by. */
export type DatasetKind = "training" | "evaluation";

/** `empty`: made, and nothing was left. `deleting`: its items are going. */
export type DatasetState = "building" | "ready" | "empty" | "failed" | "deleting";

/** Collected calls, or what was imported: never changed once it is made. A name's next set is its next version. */
export const datasets = sqliteTable(
  "datasets",
  {
    id: text("id").primaryKey(),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id),
    name: text("name").notNull(),
    /** Counts from 1 for each name. */
    version: integer("version").notNull(),
    kind: text("kind").$type<DatasetKind>().notNull(),
    source: text("source").$type<"calls" | "import">().notNull(),
    state: text("state").$type<DatasetState>().notNull(),
    /** JSON: which calls were asked for; null for an import. */
    filter: text("filter"),
    /** JSON: what was looked at, kept, and left out by reason. */
    counts: text("counts").notNull(),
    /** Why it failed or is empty, in words. */
    message: text("message"),
    createdAt: integer("created_at").notNull(),
    /** Null while it is being made. */
    endedAt: integer("ended_at"),
  },
  (table) => [
    uniqueIndex("datasets_by_name").on(table.projectId, table.name, table.version),
    uniqueIndex("datasets_building").on(table.projectId, table.name).where(sql`state = 'building'`),
  ],
);

export const datasetItems = sqliteTable(
  "dataset_items",
  {
    datasetId: text("dataset_id").notNull(),
    /** The call's id, or `line_` and the number of the line that it was imported from. */
    itemId: text("item_id").notNull(),
    projectId: text("project_id").notNull(),
    /** The side of the split; null for what was imported. */
    side: text("side").$type<"train" | "calibration" | "test">(),
    /** The call was marked `slm`: its content must not leave the owner's machines. */
    nodesOnly: integer("nodes_only", { mode: "boolean" }).notNull(),
    /** It can be written in the fine-tuning format. */
    exportable: integer("exportable", { mode: "boolean" }).notNull(),
    secretId: text("secret_id").notNull(),
    iv: blob("iv", { mode: "buffer" }).$type<Uint8Array>().notNull(),
    ciphertext: blob("ciphertext", { mode: "buffer" }).$type<Uint8Array>().notNull(),
    compression: text("compression").$type<"gzip" | "none">().notNull(),
  },
  (table) => [primaryKey({ columns: [table.datasetId, table.itemId] })],
);

export type JobState = "queued" | "running" | "succeeded" | "failed" | "cancelled";

/** Work that nodes do in their idle time, behind every call. */
export const jobs = sqliteTable("jobs", {
  id: text("id").primaryKey(),
  projectId: text("project_id")
    .notNull()
    .references(() => projects.id),
  kind: text("kind").$type<"evaluation">().notNull(),
  state: text("state").$type<JobState>().notNull(),
  /** JSON: what was asked for. */
  spec: text("spec").notNull(),
  /** JSON: how far it is, and what it found so far. */
  progress: text("progress").notNull(),
  /** JSON: the last lines of its log. No content. */
  events: text("events").notNull(),
  createdAt: integer("created_at").notNull(),
  /** Null until its first item. */
  startedAt: integer("started_at"),
  /** Null while it goes on. */
  endedAt: integer("ended_at"),
});

export const settings = sqliteTable("settings", {
  projectId: text("project_id")
    .primaryKey()
    .references(() => projects.id),
  /** JSON of `settingsSchema`; what is absent takes its default. */
  value: text("value").notNull(),
  updatedAt: integer("updated_at").notNull(),
});

/** What operators did, and whose content they opened. Written together with the change where that is in D1. */
export const auditLog = sqliteTable("audit_log", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  at: integer("at").notNull(),
  action: text("action").$type<AuditAction>().notNull(),
  /** The id of what was touched: a key, a node, a call, a project. */
  target: text("target").notNull(),
  projectId: text("project_id"),
});

export type AuditAction =
  | "key.create"
  | "key.revoke"
  | "join_token.create"
  | "node.revoke"
  | "settings.change"
  | "content.open"
  | "task.change"
  | "dataset.create"
  | "dataset.import"
  | "dataset.export"
  | "dataset.delete"
  | "job.create"
  | "job.cancel";

export type CallRow = typeof calls.$inferSelect;
export type AttemptRow = typeof attempts.$inferSelect;
export type RollupRow = typeof rollupsHourly.$inferSelect;
export type DatasetRow = typeof datasets.$inferSelect;
export type DatasetItemRow = typeof datasetItems.$inferSelect;
export type JobRow = typeof jobs.$inferSelect;
export type FeedbackRow = typeof feedback.$inferSelect;
export type ApiKeyRow = typeof apiKeys.$inferSelect;
