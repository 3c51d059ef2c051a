import { requireProjects } from "../db/project-store.ts";
import type { DatasetKind } from "../db/schema.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import { type Counts, kept, NO_COUNTS } from "./counts.ts";
import { insertDataset, newDatasetId } from "./dataset-store.ts";
import { readJsonl } from "./import-jsonl.ts";
import { MAX_ITEM_BYTES, type SealedItem, sealItem } from "./item.ts";

/** Digits of a line's number in an item's id, so that ids sort as the lines do: a file has no more lines than bytes. */
const LINE_DIGITS = 8;

/**
 * Makes a data set of a file in the fine-tuning format: whole, or not at all. What people bring is taken as it is; it is on
 * no side of the split, and nothing of it is curated.
 * @throws RouteletError `invalid_line`, `empty_file`, `project_not_found`, `dataset_building`; what D1 threw.
 */
export async function importDataset(options: {
  env: Env;
  projectId: string;
  name: string;
  kind: DatasetKind;
  file: Uint8Array;
  now: number;
}): Promise<string> {
  const { env, projectId, name, kind, file, now } = options;
  await requireProjects({ db: env.DB, ids: [projectId], param: "project" });
  const id = newDatasetId(now);
  const items: SealedItem[] = [];
  let counts: Counts = NO_COUNTS;
  for (const { line, nodesOnly, example } of readJsonl(file)) {
    const itemId = `line_${String(line).padStart(LINE_DIGITS, "0")}`;
    const facts = { itemId, side: null, nodesOnly, exportable: true };
    const item = await sealItem({ env, projectId, datasetId: id, facts, example });
    if (item.ciphertext.byteLength > MAX_ITEM_BYTES) throw tooLarge(line);
    items.push(item);
    counts = kept(counts, { ...facts, corrected: false, replaced: false });
  }
  await insertDataset({
    db: env.DB,
    set: { id, projectId, name, kind, source: "import", filter: null, createdAt: now },
    counts,
    items,
    end: { state: "ready", message: null, at: now },
  });
  return id;
}

function tooLarge(line: number): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    code: "invalid_line",
    message: `Line ${line} is larger than an item may be, ${MAX_ITEM_BYTES} bytes compressed. Nothing was imported.`,
    param: `line ${line}`,
  });
}
