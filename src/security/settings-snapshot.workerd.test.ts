import { applyD1Migrations, env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { downD1 } from "../db/fixtures/down-d1.ts";
import { DEFAULT_SETTINGS, settingsSchema } from "../settings.ts";
import { SETTINGS_TIMES, settingsFor, writeSettings } from "./settings-snapshot.ts";

beforeAll(async () => {
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  for (const id of ["warm", "changed", "elsewhere"]) {
    await env.DB.prepare("INSERT INTO projects (id, name, created_at) VALUES (?1, ?1, 0)").bind(id).run();
  }
});

function ask(options: { projectId: string; now: number; db?: D1Database; behind?: Promise<unknown>[] }) {
  return settingsFor({
    env: { DB: options.db ?? env.DB },
    projectId: options.projectId,
    clock: () => options.now,
    waitUntil: (promise) => options.behind?.push(promise),
  });
}

describe("a project's settings", () => {
  it("are the defaults where nothing was set, and need no D1 once they were read", async () => {
    expect(await ask({ projectId: "warm", now: 1_000 })).toEqual(DEFAULT_SETTINGS);
    expect(await ask({ projectId: "warm", now: 2_000, db: downD1() })).toEqual(DEFAULT_SETTINGS);
  });

  it("change at once in the isolate that changed them", async () => {
    await ask({ projectId: "changed", now: 1_000 });
    const value = settingsSchema.parse({ content: { store: "off" } });
    await writeSettings({ db: env.DB, projectId: "changed", value, now: 1_500 });
    expect((await ask({ projectId: "changed", now: 1_600, db: downD1() })).content.store).toBe("off");
  });

  it("follow a change that another isolate made, behind the response", async () => {
    await ask({ projectId: "elsewhere", now: 1_000 });
    await env.DB.prepare("INSERT INTO settings (project_id, value, updated_at) VALUES ('elsewhere', ?, 0)")
      .bind(JSON.stringify({ defaultModel: "gpt-5" }))
      .run();
    const behind: Promise<unknown>[] = [];
    const now = 1_000 + SETTINGS_TIMES.freshMs;
    expect((await ask({ projectId: "elsewhere", now, behind })).defaultModel).toBe("gpt-5-mini");
    await Promise.all(behind);
    expect((await ask({ projectId: "elsewhere", now })).defaultModel).toBe("gpt-5");
  });

  it("never fall back to defaults, which store content, for a project that was not read yet", async () => {
    await expect(ask({ projectId: "cold", now: 1_000, db: downD1() })).rejects.toMatchObject({
      code: "settings_unavailable",
    });
  });
});
