import { createRoute, z } from "@hono/zod-openapi";
import { requireProjects } from "../db/project-store.ts";
import type { ApiKeyRow } from "../db/schema.ts";
import { SORTABLE_ID } from "../db/sortable-id.ts";
import { RouteletError } from "../errors.ts";
import { createKey, listKeys, revokeKey } from "../security/api-key-store.ts";
import { DEFAULT_PROJECT, ENV_KEY_ID } from "../security/caller.ts";
import { secretsOf } from "../security/derive.ts";
import { keySnapshot } from "../security/key-snapshot.ts";
import type { AdminApp } from "./context.ts";
import { decodeCursor, pageFields, pageOf, pageQuery } from "./paging.ts";
import {
  adminOnly,
  commonErrors,
  isoTime,
  jsonResponse,
  notFoundError,
  projectSchema,
  timeSchema,
} from "./responses.ts";

const audienceSchema = z.enum(["agent", "human"]);
const KEY_ID = new RegExp(`^key_${SORTABLE_ID}$`);

const keySchema = z
  .object({
    object: z.literal("api_key"),
    id: z.string().openapi({ example: "key_01kb3x0000000000000000000a" }),
    project: z.string(),
    name: z.string(),
    prefix: z.string().openapi({ description: "The key's first characters." }),
    return_requested_model: z.boolean(),
    audience: audienceSchema,
    created_at: timeSchema.nullable().openapi({ description: "Null for the key of ROUTELET_API_KEY." }),
    revoked_at: timeSchema.nullable(),
  })
  .openapi("ApiKey");

const newKeySchema = keySchema
  .extend({ key: z.string().openapi({ description: "The whole key. It is shown this once." }) })
  .openapi("NewApiKey");

const createKeySchema = z
  .strictObject({
    name: z.string().trim().min(1).max(100),
    project: projectSchema,
    return_requested_model: z
      .boolean()
      .default(false)
      .openapi({ description: "Replies repeat the requested model's name, for clients that price by it." }),
    audience: audienceSchema
      .default("agent")
      .openapi({ description: "`human`: these calls are routed as asked and never used for conversion." }),
  })
  .openapi("CreateApiKey");

const list = createRoute({
  method: "get",
  path: "/api/keys",
  tags: ["keys"],
  summary: "API keys, newest first, revoked ones included",
  ...adminOnly,
  request: { query: z.object({ project: z.string().min(1).max(64).optional(), ...pageQuery }) },
  responses: {
    200: jsonResponse(z.object({ ...pageFields, data: z.array(keySchema) }), "One page."),
    ...commonErrors,
  },
});

const create = createRoute({
  method: "post",
  path: "/api/keys",
  tags: ["keys"],
  summary: "Make an API key",
  ...adminOnly,
  request: { body: { required: true, content: { "application/json": { schema: createKeySchema } } } },
  responses: { 201: jsonResponse(newKeySchema, "The key, shown once."), ...commonErrors, ...notFoundError },
});

const remove = createRoute({
  method: "delete",
  path: "/api/keys/{id}",
  tags: ["keys"],
  summary: "Revoke an API key",
  description: "In force at once where this is handled, and within 60 seconds everywhere.",
  ...adminOnly,
  request: { params: z.object({ id: z.string().max(64) }) },
  responses: {
    200: jsonResponse(
      z.object({ object: z.literal("api_key"), id: z.string(), deleted: z.literal(true) }),
      "Revoked; again for a key that was revoked before.",
    ),
    ...commonErrors,
    ...notFoundError,
  },
});

/** `/api/keys`. */
export function addKeyRoutes(app: AdminApp): void {
  app.openapi(list, async (c) => {
    const { project, cursor, limit } = c.req.valid("query");
    const before = cursor === undefined ? null : decodeCursor({ cursor, isId: (text) => KEY_ID.test(text) });
    const rows = await listKeys({ db: c.env.DB, projectId: project ?? null, before, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const data = page.map(keyJson);
    const isFirst = before === null && (project ?? DEFAULT_PROJECT) === DEFAULT_PROJECT;
    if (isFirst && c.env.ROUTELET_API_KEY) data.unshift(ENV_KEY_JSON);
    return c.json(pageOf({ data, next: rows.length > limit ? (page.at(-1)?.id ?? null) : null }), 200);
  });

  app.openapi(create, async (c) => {
    const body = c.req.valid("json");
    await requireProjects({ db: c.env.DB, ids: [body.project], param: "project" });
    const { key, row } = await createKey({
      db: c.env.DB,
      secrets: secretsOf(c.env),
      projectId: body.project,
      name: body.name,
      returnRequestedModel: body.return_requested_model,
      audience: body.audience,
      now: Date.now(),
    });
    return c.json({ ...keyJson(row), key }, 201);
  });

  app.openapi(remove, async (c) => {
    const { id } = c.req.valid("param");
    if (id === ENV_KEY_ID) throw envKeyIsFixed();
    if (!(await revokeKey({ db: c.env.DB, id, now: Date.now() }))) throw keyNotFound();
    keySnapshot.revoke(id);
    return c.json({ object: "api_key" as const, id, deleted: true as const }, 200);
  });
}

type KeyJson = z.infer<typeof keySchema>;

function keyJson(row: ApiKeyRow): KeyJson {
  return {
    object: "api_key",
    id: row.id,
    project: row.projectId,
    name: row.name,
    prefix: row.prefix,
    return_requested_model: row.returnRequestedModel,
    audience: row.audience,
    created_at: isoTime(row.createdAt),
    revoked_at: row.revokedAt === null ? null : isoTime(row.revokedAt),
  };
}

/** Nothing of a fixed key is shown, not even its beginning: it may be short. */
const ENV_KEY_JSON: KeyJson = {
  object: "api_key",
  id: ENV_KEY_ID,
  project: DEFAULT_PROJECT,
  name: "ROUTELET_API_KEY",
  prefix: "",
  return_requested_model: false,
  audience: "agent",
  created_at: null,
  revoked_at: null,
};

function envKeyIsFixed(): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    code: "key_is_fixed",
    message:
      "This key stands in the environment variable ROUTELET_API_KEY. Change or remove the variable, and restart.",
    param: "id",
  });
}

function keyNotFound(): RouteletError {
  return new RouteletError({
    kind: "not_found",
    code: "key_not_found",
    message: "There is no API key with this id. `GET /api/keys` lists them.",
    param: "id",
  });
}
