import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";
import * as schema from "./schema.ts";

export type Database = DrizzleD1Database<typeof schema>;

/** D1 through drizzle; made per request, since a binding belongs to the request that it came with. */
export function database(d1: D1Database): Database {
  return drizzle(d1, { schema });
}
