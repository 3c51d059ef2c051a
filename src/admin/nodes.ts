import { createRoute, z } from "@hono/zod-openapi";
import { recordAfterwards } from "../db/audit.ts";
import { requireProjects } from "../db/project-store.ts";
import { RouteletError } from "../errors.ts";
import type { FleetNode } from "../fleet/snapshot.ts";
import { nodeStateSchema } from "../tunnel/protocol/messages.ts";
import { type AdminApp, fleetOf } from "./context.ts";
import { adminOnly, commonErrors, isoTime, jsonResponse, notFoundError, timeSchema } from "./responses.ts";
import { snakeCased, toSnakeCase } from "./snake-case.ts";

const nodeSchema = z
  .object({
    object: z.literal("node"),
    id: z.string(),
    name: z.string(),
    projects: z.array(z.string()),
    connected: z.boolean(),
    last_seen_at: timeSchema.nullable(),
    state: snakeCased(nodeStateSchema)
      .nullable()
      .openapi({ description: "What the node last said of itself; null until it has connected once." }),
  })
  .openapi("Node");

const joinTokenRequest = z
  .strictObject({
    projects: z.array(z.string().min(1).max(64)).min(1).max(50).default(["default"]),
    ttl_seconds: z.number().int().min(60).max(86_400).default(900),
  })
  .openapi("CreateJoinToken");

const joinTokenSchema = z
  .object({
    object: z.literal("join_token"),
    token: z.string().openapi({ description: "Joins one node, once. It is shown this once." }),
    projects: z.array(z.string()),
    expires_at: timeSchema,
  })
  .openapi("JoinToken");

const list = createRoute({
  method: "get",
  path: "/api/nodes",
  tags: ["nodes"],
  summary: "The nodes of this gateway",
  ...adminOnly,
  responses: {
    200: jsonResponse(z.object({ object: z.literal("list"), data: z.array(nodeSchema) }), "All of them."),
    ...commonErrors,
  },
});

const createToken = createRoute({
  method: "post",
  path: "/api/nodes/join-tokens",
  tags: ["nodes"],
  summary: "Make a join token for one node",
  ...adminOnly,
  request: { body: { required: true, content: { "application/json": { schema: joinTokenRequest } } } },
  responses: { 201: jsonResponse(joinTokenSchema, "The token."), ...commonErrors, ...notFoundError },
});

const remove = createRoute({
  method: "delete",
  path: "/api/nodes/{id}",
  tags: ["nodes"],
  summary: "Revoke a node; its socket is closed",
  ...adminOnly,
  request: { params: z.object({ id: z.string().max(128) }) },
  responses: {
    200: jsonResponse(
      z.object({ object: z.literal("node"), id: z.string(), deleted: z.literal(true) }),
      "Revoked.",
    ),
    ...commonErrors,
    ...notFoundError,
  },
});

/** `/api/nodes`. */
export function addNodeRoutes(app: AdminApp): void {
  app.openapi(list, async (c) => {
    const nodes = await fleetOf(c).listNodes();
    return c.json({ object: "list" as const, data: nodes.map(nodeJson) }, 200);
  });

  app.openapi(createToken, async (c) => {
    const body = c.req.valid("json");
    await requireProjects({ db: c.env.DB, ids: body.projects, param: "projects" });
    const made = await fleetOf(c).createJoinToken({
      projects: body.projects,
      ttlMs: body.ttl_seconds * 1_000,
    });
    const entry = { at: Date.now(), action: "join_token.create", target: body.projects.join(",") } as const;
    await recordAfterwards({ db: c.env.DB, entry: { ...entry, projectId: null } });
    return c.json(
      {
        object: "join_token" as const,
        token: made.token,
        projects: body.projects,
        expires_at: isoTime(made.expiresAt),
      },
      201,
    );
  });

  app.openapi(remove, async (c) => {
    const { id } = c.req.valid("param");
    if (!(await fleetOf(c).revokeNode(id))) throw nodeNotFound();
    const entry = { at: Date.now(), action: "node.revoke", target: id, projectId: null } as const;
    await recordAfterwards({ db: c.env.DB, entry });
    return c.json({ object: "node" as const, id, deleted: true as const }, 200);
  });
}

function nodeJson(node: FleetNode): z.infer<typeof nodeSchema> {
  return {
    object: "node",
    id: node.id,
    name: node.name,
    projects: [...node.projects],
    connected: node.connected,
    last_seen_at: node.lastSeenAt > 0 ? isoTime(node.lastSeenAt) : null,
    state: toSnakeCase(node.state),
  };
}

function nodeNotFound(): RouteletError {
  return new RouteletError({
    kind: "not_found",
    code: "node_not_found",
    message: "There is no node with this id. `GET /api/nodes` lists them.",
    param: "id",
  });
}
