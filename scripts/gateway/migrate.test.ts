import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { applyMigrations, type MigrationDatabase } from "./migrate.ts";

/** D1's interface over SQLite: a batch is one transaction. */
function newDatabase(): { sqlite: DatabaseSync; d1: MigrationDatabase } {
  const sqlite = new DatabaseSync(":memory:");
  const statement = (query: string, values: (string | number)[] = []) => ({
    bind: (...bound: unknown[]) => statement(query, bound as (string | number)[]),
    run: async () => sqlite.prepare(query).run(...values),
    all: async () => ({ results: sqlite.prepare(query).all(...values) }),
  });
  return {
    sqlite,
    d1: {
      prepare: (query) => statement(query),
      async batch(statements) {
        sqlite.exec("BEGIN");
        try {
          for (const each of statements) await each.run();
          sqlite.exec("COMMIT");
        } catch (error) {
          sqlite.exec("ROLLBACK");
          throw error;
        }
      },
    },
  };
}

const FIRST = { name: "0000_a.sql", statements: ["CREATE TABLE a (x INTEGER)"] };
const SECOND = { name: "0001_b.sql", statements: ["CREATE TABLE b (x INTEGER)", "INSERT INTO a VALUES (1)"] };

test("migrations are applied once, in order, and only the new ones the next time", async () => {
  const { sqlite, d1 } = newDatabase();
  expect(await applyMigrations({ database: d1, migrations: [FIRST] })).toEqual(["0000_a.sql"]);
  expect(await applyMigrations({ database: d1, migrations: [FIRST, SECOND] })).toEqual(["0001_b.sql"]);
  expect(await applyMigrations({ database: d1, migrations: [FIRST, SECOND] })).toEqual([]);
  expect(sqlite.prepare("SELECT name FROM d1_migrations ORDER BY id").all()).toEqual([
    { name: "0000_a.sql" },
    { name: "0001_b.sql" },
  ]);
});

test("a migration that fails leaves nothing of itself, is named, and may be tried again", async () => {
  const { sqlite, d1 } = newDatabase();
  const broken = { ...SECOND, statements: [...SECOND.statements, "INSERT INTO missing VALUES (1)"] };
  await expect(applyMigrations({ database: d1, migrations: [FIRST, broken] })).rejects.toThrow("0001_b.sql");
  expect(sqlite.prepare("SELECT name FROM d1_migrations").all()).toEqual([{ name: "0000_a.sql" }]);
  expect(sqlite.prepare("SELECT x FROM a").all()).toEqual([]);
  expect(await applyMigrations({ database: d1, migrations: [FIRST, SECOND] })).toEqual(["0001_b.sql"]);
});
