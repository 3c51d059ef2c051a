import { z } from "zod";
import data from "./catalogue.json" with { type: "json" };

/** A model that is known to run here, under a licence that lets anyone use it (Apache-2.0 or MIT). */
const entrySchema = z.object({
  id: z.string(),
  family: z.string(),
  licence: z.enum(["Apache-2.0", "MIT"]),
  licenceUrl: z.url(),
  homepage: z.url(),
  /** Billions. */
  parametersB: z.number().positive(),
  /** Billions that one token reads, where that is fewer. */
  activeParametersB: z.number().positive().optional(),
  contextTokens: z.number().int().positive().nullable(),
  /** References, tried in turn. */
  sources: z.array(z.string()).min(1),
  fileBytes: z.number().int().positive(),
  /** Whether `fileBytes` was computed from the parameter count rather than read. */
  fileBytesEstimated: z.boolean(),
  /** Weights, 8,192 tokens of context in one slot, and buffers. An estimate. */
  memoryBytes: z.number().int().positive(),
  /** 1 is best; null: fetched on request, never by default. By published tool-calling results, else by size. */
  rank: z.number().int().positive().nullable(),
  /** The small one that makes a first start quick. */
  starter: z.boolean().optional(),
});
export type CatalogueEntry = z.infer<typeof entrySchema>;

export const CATALOGUE: readonly CatalogueEntry[] = z.array(entrySchema).parse(data);

/** The entry that a reference names by its id. */
export function findEntry(reference: string): CatalogueEntry | null {
  return CATALOGUE.find((entry) => entry.id === reference.trim()) ?? null;
}

/** The entry that has this source, so that a file fetched by its source is served under the known id. */
export function entryOfSource(source: string): CatalogueEntry | null {
  const wanted = source.toLowerCase();
  return CATALOGUE.find((entry) => entry.sources.some((one) => one.toLowerCase() === wanted)) ?? null;
}

/** The model of a first start: about 100 MB, Apache-2.0. */
export function starterEntry(): CatalogueEntry {
  const starter = CATALOGUE.find((entry) => entry.starter);
  if (!starter) throw new Error("The catalogue has no starter model.");
  return starter;
}
