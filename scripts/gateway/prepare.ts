import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  unstable_getMiniflareWorkerOptions as readConfig,
  unstable_splitSqlQuery as splitSql,
} from "wrangler";
import { bundleWorker } from "./bundle.ts";
import type { Migration } from "./migrate.ts";

// A process of its own, gone when it has answered: wrangler and esbuild would keep 200 MB for as long as workerd runs.

export interface PrepareRequest {
  config: string;
  migrations: string | undefined;
}

export type PrepareAnswer =
  | { worker: Record<string, unknown>; script: string; migrations: Migration[] }
  | { failed: string };

async function readMigrations(folder: string | undefined): Promise<Migration[]> {
  if (folder === undefined) return [];
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name) => ({ name, statements: splitSql(await readFile(join(folder, name), "utf8")) })),
  );
}

async function prepare(request: PrepareRequest): Promise<PrepareAnswer> {
  const { workerOptions, define, main } = readConfig(request.config);
  if (main === undefined) return { failed: `${request.config} names no \`main\`.` };
  return {
    worker: workerOptions as Record<string, unknown>,
    script: await bundleWorker({ entry: main, define }),
    migrations: await readMigrations(request.migrations),
  };
}

process.once("message", (request: PrepareRequest) => {
  prepare(request)
    .catch(
      (error: unknown): PrepareAnswer => ({ failed: error instanceof Error ? error.message : String(error) }),
    )
    .then((answer) => process.send?.(answer, () => process.exit(0)))
    .catch(() => process.exit(1));
});
process.once("disconnect", () => process.exit(1));
