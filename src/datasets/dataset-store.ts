import { and, asc, count, desc, eq, gt, lt, lte, sql } from "drizzle-orm";
import { auditInsert } from "../db/audit.ts";
import { database } from "../db/client.ts";
import { jsonChunks, travelsInHex } from "../db/json-chunks.ts";
import {
  type AuditAction,
  type DatasetItemRow,
  type DatasetRow,
  datasetItems,
  datasets,
} from "../db/schema.ts";
import { SORTABLE_ID, sortableId } from "../db/sortable-id.ts";
import { RouteletError } from "../errors.ts";
import { isRejection } from "../ledger/d1-errors.ts";
import { toHex } from "../security/derive.ts";
import type { Counts } from "./counts.ts";
import type { SealedItem } from "./item.ts";

const FORM = new RegExp(`^ds_${SORTABLE_ID}$`);

export const newDatasetId = (now: number): string => `ds_${sortableId(now)}`;
export const isDatasetId = (text: string): boolean => FORM.test(text);

/** What a data set is when it begins. */
export type NewDataset = Pick<
  DatasetRow,
  "id" | "projectId" | "name" | "kind" | "source" | "filter" | "createdAt"
>;

const ITEM_COLUMNS =
  "dataset_id, project_id, item_id, side, nodes_only, exportable, secret_id, iv, ciphertext, compression";
/** Only while the set is made: what was deleted meanwhile gets no more items. */
const OF_BUILDING = "datasets.id = ?1 AND datasets.state = 'building'";
const INSERT_ITEMS = `
  INSERT INTO dataset_items (${ITEM_COLUMNS})
  SELECT datasets.id, datasets.project_id, each.value->>'$.itemId', each.value->>'$.side', each.value->>'$.nodesOnly',
    each.value->>'$.exportable', each.value->>'$.secretId', unhex(each.value->>'$.ivHex'),
    unhex(each.value->>'$.ciphertextHex'), each.value->>'$.compression'
  FROM json_each(?2) AS each JOIN datasets ON ${OF_BUILDING} WHERE true
  ON CONFLICT DO NOTHING`;
/** An item too large to travel in hex goes as bytes, alone. */
const INSERT_LARGE_ITEM = `
  INSERT INTO dataset_items (${ITEM_COLUMNS})
  SELECT datasets.id, datasets.project_id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM datasets WHERE ${OF_BUILDING}
  ON CONFLICT DO NOTHING`;

function hexItem(item: SealedItem): object {
  const { iv, ciphertext, nodesOnly, exportable, ...rest } = item;
  return {
    ...rest,
    nodesOnly: Number(nodesOnly),
    exportable: Number(exportable),
    ivHex: toHex(iv),
    ciphertextHex: toHex(ciphertext),
  };
}

/** Statements that add items to a set that is being made; running them again changes nothing. */
function itemStatements(
  db: D1Database,
  datasetId: string,
  items: readonly SealedItem[],
): D1PreparedStatement[] {
  const inHex = items.filter(({ ciphertext }) => travelsInHex(ciphertext));
  const large = items.filter(({ ciphertext }) => !travelsInHex(ciphertext));
  return [
    ...Array.from(jsonChunks(inHex.map(hexItem)), (json) => db.prepare(INSERT_ITEMS).bind(datasetId, json)),
    ...large.map((item) =>
      db
        .prepare(INSERT_LARGE_ITEM)
        .bind(
          datasetId,
          item.itemId,
          item.side,
          Number(item.nodesOnly),
          Number(item.exportable),
          item.secretId,
          item.iv,
          item.ciphertext,
          item.compression,
        ),
    ),
  ];
}

const BEGIN = `
  INSERT INTO datasets (id, project_id, name, version, kind, source, state, filter, counts, message, created_at, ended_at)
  SELECT ?1, ?2, ?3, coalesce(max(version), 0) + 1, ?4, ?5, 'building', ?6, ?7, NULL, ?8, NULL
  FROM datasets WHERE project_id = ?2 AND name = ?3`;
const PROGRESS = "UPDATE datasets SET counts = ?2 WHERE id = ?1 AND state = 'building'";
const END = `
  UPDATE datasets SET state = ?2, counts = ?3, message = ?4, ended_at = ?5 WHERE id = ?1 AND state = 'building'`;

function beginStatement(db: D1Database, set: NewDataset, counts: Counts): D1PreparedStatement {
  const { id, projectId, name, kind, source, filter, createdAt } = set;
  return db.prepare(BEGIN).bind(id, projectId, name, kind, source, filter, JSON.stringify(counts), createdAt);
}

export interface Ending {
  state: Exclude<DatasetRow["state"], "building" | "deleting">;
  message: string | null;
  at: number;
}

function endStatement(db: D1Database, id: string, counts: Counts, end: Ending): D1PreparedStatement {
  return db.prepare(END).bind(id, end.state, JSON.stringify(counts), end.message, end.at);
}

/** For whoever names a set that the project has not. */
export function datasetNotFound(param: string): RouteletError {
  return new RouteletError({
    kind: "not_found",
    code: "dataset_not_found",
    message: "This project has no such data set. `GET /api/datasets` lists them.",
    param,
  });
}

function alreadyBuilding(name: string, cause: unknown): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    status: 409,
    code: "dataset_building",
    message: `A data set named \`${name}\` is being made. Wait until it is ready, delete it, or take another name.`,
    param: "name",
    cause,
  });
}

function audited(db: D1Database, action: AuditAction, target: string, projectId: string, at: number) {
  const { sql: text, params } = auditInsert({ db, entry: { at, action, target, projectId } }).toSQL();
  return db.prepare(text).bind(...params);
}

/**
 * Begins a set, as its name's next version.
 * @throws RouteletError `dataset_building` where the name's last one is not done; what D1 threw.
 */
export async function beginDataset(options: {
  db: D1Database;
  set: NewDataset;
  counts: Counts;
}): Promise<void> {
  const { db, set, counts } = options;
  await orConflict(set.name, () =>
    db.batch([
      beginStatement(db, set, counts),
      audited(db, "dataset.create", set.id, set.projectId, set.createdAt),
    ]),
  );
}

/** Makes a whole set at once, all of it or nothing. The same errors. */
export async function insertDataset(options: {
  db: D1Database;
  set: NewDataset;
  counts: Counts;
  items: readonly SealedItem[];
  end: Ending;
}): Promise<void> {
  const { db, set, counts, items, end } = options;
  await orConflict(set.name, () =>
    db.batch([
      beginStatement(db, set, counts),
      audited(db, "dataset.import", set.id, set.projectId, set.createdAt),
      ...itemStatements(db, set.id, items),
      endStatement(db, set.id, counts, end),
    ]),
  );
}

async function orConflict(name: string, write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw isRejection(error) && /UNIQUE/.test(String(error)) ? alreadyBuilding(name, error) : error;
  }
}

/** Adds items and what is known of the set so far, in one transaction. False where the set is not being made any more. */
export async function addItems(options: {
  db: D1Database;
  id: string;
  items: readonly SealedItem[];
  counts: Counts;
}): Promise<boolean> {
  const { db, id, items, counts } = options;
  const results = await db.batch([
    ...itemStatements(db, id, items),
    db.prepare(PROGRESS).bind(id, JSON.stringify(counts)),
  ]);
  return (results.at(-1)?.meta.changes ?? 0) > 0;
}

/** Ends a set that is being made; once. */
export async function endDataset(options: {
  db: D1Database;
  id: string;
  counts: Counts;
  end: Ending;
}): Promise<void> {
  await endStatement(options.db, options.id, options.counts, options.end).run();
}

/** A project's sets, newest first. */
export async function listDatasets(options: {
  db: D1Database;
  projectId: string;
  before: string | null;
  limit: number;
}): Promise<DatasetRow[]> {
  const { db, projectId, before, limit } = options;
  return database(db)
    .select()
    .from(datasets)
    .where(and(eq(datasets.projectId, projectId), before === null ? undefined : lt(datasets.id, before)))
    .orderBy(desc(datasets.id))
    .limit(limit);
}

/** Null where the project has no such set. */
export async function readDataset(options: {
  db: D1Database;
  projectId: string;
  id: string;
}): Promise<DatasetRow | null> {
  const { db, projectId, id } = options;
  const [row] = await database(db)
    .select()
    .from(datasets)
    .where(and(eq(datasets.projectId, projectId), eq(datasets.id, id)));
  return row ?? null;
}

/** Rows that one statement deletes: more would hold up everybody else's. */
const DELETED_AT_ONCE = 1_000;
const DELETE_SOME = `
  DELETE FROM dataset_items WHERE dataset_id = ?1 AND project_id = ?2 AND item_id IN
    (SELECT item_id FROM dataset_items WHERE dataset_id = ?1 ORDER BY item_id LIMIT ${DELETED_AT_ONCE})`;

/**
 * Deletes a set with its items; false where the project has no such set. One that was cut off stands as `deleting`, is given out
 * no more, and deleting it again goes on.
 */
export async function deleteDataset(options: {
  db: D1Database;
  projectId: string;
  id: string;
  now: number;
}): Promise<boolean> {
  const { db, projectId, id, now } = options;
  if ((await readDataset(options)) === null) return false;
  await db.batch([
    db
      .prepare("UPDATE datasets SET state = 'deleting' WHERE id = ?1 AND project_id = ?2")
      .bind(id, projectId),
    audited(db, "dataset.delete", id, projectId, now),
  ]);
  let deleted: number;
  do {
    const { meta } = await db.prepare(DELETE_SOME).bind(id, projectId).run();
    deleted = meta.changes;
  } while (deleted >= DELETED_AT_ONCE);
  await db.prepare("DELETE FROM datasets WHERE id = ?1 AND project_id = ?2").bind(id, projectId).run();
  return true;
}

/** Of a set's items. */
export interface ItemQuery {
  db: D1Database;
  projectId: string;
  datasetId: string;
  /** Those that are marked `slm` too. */
  nodesOnly: boolean;
}

const chosen = ({ projectId, datasetId, nodesOnly }: ItemQuery) =>
  and(
    eq(datasetItems.datasetId, datasetId),
    eq(datasetItems.projectId, projectId),
    eq(datasetItems.exportable, true),
    nodesOnly ? undefined : eq(datasetItems.nodesOnly, false),
  );

/** How many items can be exported. */
export async function countItems(query: ItemQuery): Promise<number> {
  const [row] = await database(query.db).select({ n: count() }).from(datasetItems).where(chosen(query));
  return row?.n ?? 0;
}

/** Ids and sizes in bytes of the items that can be exported, in order, after one of them. */
export async function itemSizes(
  query: ItemQuery & { after: string; limit: number },
): Promise<{ id: string; bytes: number }[]> {
  return database(query.db)
    .select({ id: datasetItems.itemId, bytes: sql<number>`length(${datasetItems.ciphertext})` })
    .from(datasetItems)
    .where(and(chosen(query), gt(datasetItems.itemId, query.after)))
    .orderBy(asc(datasetItems.itemId))
    .limit(query.limit);
}

/** Those of them from after one up to another. */
export async function readItems(
  query: ItemQuery & { after: string; upTo: string },
): Promise<DatasetItemRow[]> {
  return database(query.db)
    .select()
    .from(datasetItems)
    .where(and(chosen(query), gt(datasetItems.itemId, query.after), lte(datasetItems.itemId, query.upTo)))
    .orderBy(asc(datasetItems.itemId));
}
