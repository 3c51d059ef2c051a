import { createRoute, z } from "@hono/zod-openapi";
import { requireProjects } from "../db/project-store.ts";
import { readSettings, writeSettings } from "../security/settings-snapshot.ts";
import { settingsSchema } from "../settings.ts";
import type { AdminApp } from "./context.ts";
import { adminOnly, commonErrors, jsonResponse, notFoundError, projectSchema } from "./responses.ts";
import { snakeCased, toCamelCase, toSnakeCase } from "./snake-case.ts";

const apiSettings = snakeCased(settingsSchema).openapi("Settings");
const query = z.object({ project: projectSchema });

const read = createRoute({
  method: "get",
  path: "/api/settings",
  tags: ["settings"],
  summary: "A project's settings, defaults filled in",
  ...adminOnly,
  request: { query },
  responses: { 200: jsonResponse(apiSettings, "The settings."), ...commonErrors, ...notFoundError },
});

const replace = createRoute({
  method: "put",
  path: "/api/settings",
  tags: ["settings"],
  summary: "Replace a project's settings",
  description: "What is left out takes its default. In force here at once, and within 60 seconds everywhere.",
  ...adminOnly,
  request: { query, body: { required: true, content: { "application/json": { schema: apiSettings } } } },
  responses: {
    200: jsonResponse(apiSettings, "The settings as they are now."),
    ...commonErrors,
    ...notFoundError,
  },
});

/** `/api/settings`. */
export function addSettingsRoutes(app: AdminApp): void {
  app.openapi(read, async (c) => {
    const { project } = c.req.valid("query");
    await requireProjects({ db: c.env.DB, ids: [project], param: "project" });
    return c.json(toSnakeCase(await readSettings({ db: c.env.DB, projectId: project })), 200);
  });

  app.openapi(replace, async (c) => {
    const { project } = c.req.valid("query");
    const value = settingsSchema.parse(toCamelCase(c.req.valid("json")));
    await requireProjects({ db: c.env.DB, ids: [project], param: "project" });
    await writeSettings({ db: c.env.DB, projectId: project, value, now: Date.now() });
    return c.json(toSnakeCase(value), 200);
  });
}
