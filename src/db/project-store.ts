import { inArray } from "drizzle-orm";
import { RouteletError } from "../errors.ts";
import { database } from "./client.ts";
import { projects } from "./schema.ts";

/** @throws RouteletError `project_not_found` naming the first that does not exist. */
export async function requireProjects(options: {
  db: D1Database;
  ids: readonly string[];
  /** The request field that named them. */
  param: string;
}): Promise<void> {
  const { db, ids, param } = options;
  const rows = await database(db)
    .select({ id: projects.id })
    .from(projects)
    .where(inArray(projects.id, [...ids]));
  const known = new Set(rows.map((row) => row.id));
  const missing = ids.find((id) => !known.has(id));
  if (missing === undefined) return;
  throw new RouteletError({
    kind: "not_found",
    code: "project_not_found",
    message: `There is no project \`${missing}\`. A new deployment has one, \`default\`.`,
    param,
  });
}
