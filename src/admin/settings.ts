import { createRoute, z } from "@hono/zod-openapi";
import { requireProjects } from "../db/project-store.ts";
import { secretsOf } from "../security/derive.ts";
import { readSettings, writeSettings } from "../security/settings-snapshot.ts";
import { PROVIDERS_SETTING, providerOutput } from "../settings/providers.ts";
import { type Settings, settingsInput, settingsSchema } from "../settings.ts";
import type { AdminApp } from "./context.ts";
import { sealProviders, shownProvider } from "./provider-settings.ts";
import { adminOnly, commonErrors, jsonResponse, notFoundError, projectSchema } from "./responses.ts";
import { snakeCased, toCamelCase, toSnakeCase } from "./snake-case.ts";

const inputSchema = snakeCased(settingsInput).openapi("SettingsInput");
const outputSchema = snakeCased(
  settingsSchema.extend({ providers: z.array(providerOutput).describe(PROVIDERS_SETTING) }),
).openapi("Settings");
const query = z.object({ project: projectSchema });

const read = createRoute({
  method: "get",
  path: "/api/settings",
  tags: ["settings"],
  summary: "A project's settings, defaults filled in",
  description: "Keys of providers are not shown, only that there are some.",
  ...adminOnly,
  request: { query },
  responses: { 200: jsonResponse(outputSchema, "The settings."), ...commonErrors, ...notFoundError },
});

const replace = createRoute({
  method: "put",
  path: "/api/settings",
  tags: ["settings"],
  summary: "Replace a project's settings",
  description:
    "What is left out takes its default, but for a provider's `key`: it stays as it was under its name while the provider's `base_url` stays. In force here at once, and within 60 seconds everywhere.",
  ...adminOnly,
  request: { query, body: { required: true, content: { "application/json": { schema: inputSchema } } } },
  responses: {
    200: jsonResponse(outputSchema, "The settings as they are now."),
    ...commonErrors,
    ...notFoundError,
  },
});

const shown = (settings: Settings) =>
  toSnakeCase({ ...settings, providers: settings.providers.map(shownProvider) });

/** `/api/settings`. */
export function addSettingsRoutes(app: AdminApp): void {
  app.openapi(read, async (c) => {
    const { project } = c.req.valid("query");
    await requireProjects({ db: c.env.DB, ids: [project], param: "project" });
    return c.json(shown(await readSettings({ db: c.env.DB, projectId: project })), 200);
  });

  app.openapi(replace, async (c) => {
    const { project } = c.req.valid("query");
    const input = settingsInput.parse(toCamelCase(c.req.valid("json")));
    await requireProjects({ db: c.env.DB, ids: [project], param: "project" });
    const { providers: stored } =
      input.providers.length === 0
        ? { providers: [] }
        : await readSettings({ db: c.env.DB, projectId: project });
    const providers = await sealProviders({
      providers: input.providers,
      stored,
      projectId: project,
      secrets: () => secretsOf(c.env),
      local: Boolean(c.env.ROUTELET_LOCAL),
    });
    const value: Settings = { ...input, providers };
    await writeSettings({ db: c.env.DB, projectId: project, value, now: Date.now() });
    return c.json(shown(value), 200);
  });
}
