import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BenchOptions } from "./report.ts";

/**
 * The records of a JSONL file of the data folder.
 *
 * @throws when no folder was given, or it has no such file: says what `--data` must be.
 */
export function readRecords<T>({ data }: BenchOptions, file: string): T[] {
  if (data === undefined)
    throw new Error(`This benchmark reads ${file}: give it the folder, \`--data <folder>\`.`);
  const path = join(data, file);
  if (!existsSync(path)) throw new Error(`There is no ${path}. \`--data\` must name a folder that has it.`);
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}
