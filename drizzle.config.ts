import { defineConfig } from "drizzle-kit";

/** `drizzle-kit generate` writes flat SQL files that `wrangler d1 migrations apply` runs; nothing else touches D1's schema. */
export default defineConfig({
  dialect: "sqlite",
  schema: "./src/db/schema.ts",
  out: "./migrations",
});
