import type { ZodType } from "zod";
import { parseJson } from "../dialects/json.ts";
import type { Env } from "../env.ts";
import { RouteletError, toRouteletError } from "../errors.ts";
import { readBody } from "../read-body.ts";
import { enrolRequestSchema } from "./protocol/messages.ts";

/** What an enrolment may weigh, in bytes; a token, a key and a name need far less. */
const MAX_BODY_BYTES = 8 * 1024;

const NODE_ID = /^node_[A-Za-z0-9_-]{22}$/;

/**
 * The nodes' side of the gateway: `POST /tunnel/enrol`, `POST /tunnel/challenge/{nodeId}` and
 * `GET /tunnel/connect/{nodeId}` (upgrade). Null for any other path. Refused credentials get a bare 401: the reason
 * is in the operator's log alone.
 */
export async function handleTunnelRequest(request: Request, env: Env): Promise<Response | null> {
  const { pathname } = new URL(request.url);
  if (!pathname.startsWith("/tunnel/")) return null;
  const [, , action, nodeId, ...rest] = pathname.split("/");
  try {
    if (rest.length > 0) throw unknownRoute();
    if (action === "enrol" && nodeId === undefined) return await enrol(request, env);
    if (nodeId === undefined || !NODE_ID.test(nodeId)) throw unknownRoute();
    if (action === "challenge") return await challenge(request, env, nodeId);
    if (action === "connect") return await connect(request, env, nodeId);
    throw unknownRoute();
  } catch (thrown) {
    return errorResponse(toRouteletError(thrown));
  }
}

async function enrol(request: Request, env: Env): Promise<Response> {
  requireMethod(request, "POST");
  const body = await readJson(request, enrolRequestSchema);
  const result = await env.FLEET.getByName("fleet").enrol(body);
  if (result.ok) return Response.json(result.response);
  console.warn(JSON.stringify({ event: "tunnel_enrol_refused", name: body.name, reason: result.reason }));
  return new Response(null, { status: 401 });
}

async function challenge(request: Request, env: Env, nodeId: string): Promise<Response> {
  requireMethod(request, "POST");
  return Response.json(await env.NODE_TUNNEL.getByName(nodeId).challenge());
}

async function connect(request: Request, env: Env, nodeId: string): Promise<Response> {
  requireMethod(request, "GET");
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    throw new RouteletError({
      kind: "invalid_request",
      status: 426,
      code: "upgrade_required",
      message: "This path is for a node's WebSocket.",
    });
  }
  return env.NODE_TUNNEL.getByName(nodeId).fetch(request);
}

/** Reads at most `MAX_BODY_BYTES`, whatever the length that the caller claims. */
async function readJson<T>(request: Request, schema: ZodType<T>): Promise<T> {
  const text = new TextDecoder().decode(await readBody(request, MAX_BODY_BYTES));
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const param = parsed.error.issues[0]?.path.join(".");
  throw new RouteletError({
    kind: "invalid_request",
    code: "invalid_body",
    message: param ? `The field ${param} is missing or wrong.` : "The body must be a JSON object.",
    ...(param ? { param } : {}),
  });
}

function requireMethod(request: Request, method: string): void {
  if (request.method === method) return;
  throw new RouteletError({
    kind: "invalid_request",
    status: 405,
    code: "method_not_allowed",
    message: `Use ${method} on this path.`,
  });
}

function unknownRoute(): RouteletError {
  return new RouteletError({
    kind: "not_found",
    code: "route_not_found",
    message: "No such path under /tunnel.",
  });
}

function errorResponse(error: RouteletError): Response {
  if (error.kind === "internal")
    console.error(JSON.stringify({ event: "tunnel_error", error: String(error.cause) }));
  const { code, message, param } = error;
  return Response.json({ error: { code, message, ...(param ? { param } : {}) } }, { status: error.status });
}
