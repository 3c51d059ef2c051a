import { z } from "@hono/zod-openapi";
import { LEFT_OUT, LEFT_OUT_REASONS } from "../conversion/curation/left-out.ts";
import type { Counts } from "../datasets/counts.ts";
import type { DatasetRow } from "../db/schema.ts";
import { isoTime, timeSchema } from "./responses.ts";

export const kindSchema = z.enum(["training", "evaluation"]).openapi({
  description:
    "`training`: curated, of the training side of the split. `evaluation`: a raw sample of the other two sides, failures included.",
});

const countsSchema = z.object({
  looked_at: z.number().int().openapi({ description: "Calls that fit the filter, or lines of the file." }),
  corrected: z
    .number()
    .int()
    .openapi({ description: "Items whose answer is what feedback said would have been right." }),
  replaced: z.number().int().openapi({ description: "Items in which surrogates stand for private values." }),
  nodes_only: z
    .number()
    .int()
    .openapi({ description: "Items whose calls were marked `slm`: they must stay on your machines." }),
  not_exportable: z.number().int().openapi({
    description: "Items without an answer, or with what the fine-tuning format has no place for.",
  }),
  left_out: z.partialRecord(z.enum(LEFT_OUT_REASONS), z.number().int()).openapi({
    description: `Calls that are not in it, by the first reason: ${LEFT_OUT_REASONS.map((reason) => `\`${reason}\`: they ${LEFT_OUT[reason]}`).join("; ")}.`,
  }),
});

export const datasetSchema = z
  .object({
    object: z.literal("dataset"),
    id: z.string().openapi({ example: "ds_01kb3x0000000000000000000a" }),
    project: z.string(),
    name: z.string(),
    version: z.number().int().openapi({ description: "Counts from 1 for each name." }),
    kind: kindSchema,
    source: z.enum(["calls", "import"]),
    state: z.enum(["building", "ready", "empty", "failed", "deleting"]),
    message: z.string().nullable().openapi({ description: "Why it is empty or failed, in words." }),
    filter: z
      .object({
        task: z.string().nullable(),
        key: z.string().nullable(),
        model: z.string().nullable(),
        since: timeSchema.nullable(),
        until: timeSchema,
        limit: z.number().int(),
      })
      .nullable()
      .openapi({ description: "Which calls were asked for; null for an import." }),
    items: z.number().int(),
    counts: countsSchema,
    created_at: timeSchema,
    ended_at: timeSchema.nullable(),
  })
  .openapi("Dataset");

interface StoredFilter {
  task: string | null;
  key: string | null;
  model: string | null;
  since: number | null;
  until: number;
  limit: number;
}

function filterJson(text: string | null): z.infer<typeof datasetSchema>["filter"] {
  if (text === null) return null;
  const { since, until, ...rest } = JSON.parse(text) as StoredFilter;
  return { ...rest, since: since === null ? null : isoTime(since), until: isoTime(until) };
}

export function datasetJson(row: DatasetRow): z.infer<typeof datasetSchema> {
  const counts = JSON.parse(row.counts) as Counts;
  return {
    object: "dataset",
    id: row.id,
    project: row.projectId,
    name: row.name,
    version: row.version,
    kind: row.kind,
    source: row.source,
    state: row.state,
    message: row.message,
    filter: filterJson(row.filter),
    items: counts.items,
    counts: {
      looked_at: counts.lookedAt,
      corrected: counts.corrected,
      replaced: counts.replaced,
      nodes_only: counts.nodesOnly,
      not_exportable: counts.notExportable,
      left_out: counts.leftOut,
    },
    created_at: isoTime(row.createdAt),
    ended_at: row.endedAt === null ? null : isoTime(row.endedAt),
  };
}
