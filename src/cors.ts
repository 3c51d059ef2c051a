import { renderErrorFor } from "./dialects/caller-dialect.ts";
import type { Env } from "./env.ts";
import { RouteletError, toRouteletError } from "./errors.ts";
import { DEFAULT_PROJECT } from "./security/caller.ts";
import { settingsFor } from "./security/settings-snapshot.ts";

/** Headers that a page may read beside the few that it always may (Fetch, "CORS-safelisted response-header name"). */
const EXPOSED = [
  "x-routelet-call",
  "x-routelet-served-by",
  "x-routelet-reason",
  "x-routelet-task",
  "x-routelet-cache",
  "x-routelet-store",
  "x-routelet-omitted",
  "x-routelet-estimated",
  "x-request-id",
  "request-id",
  "retry-after",
].join(", ");

/** How long a browser may remember the answer to its preflight, in seconds. */
const MAX_AGE = 600;

/** Whether pages of an origin may call; `*` in the list: those of any. */
export function allowsOrigin(origins: readonly string[], origin: string): boolean {
  return origins.includes("*") || origins.includes(origin);
}

function allow(headers: Headers, origin: string): void {
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", EXPOSED);
}

function preflight(request: Request, origin: string): Response {
  const headers = new Headers({
    "access-control-allow-methods": "GET, POST, DELETE",
    "access-control-max-age": String(MAX_AGE),
    vary: "origin, access-control-request-headers",
  });
  const asked = request.headers.get("access-control-request-headers");
  if (asked !== null) headers.set("access-control-allow-headers", asked);
  // A gateway on this machine or in this network, called by a page from outside (Private Network Access).
  if (request.headers.get("access-control-request-private-network") === "true")
    headers.set("access-control-allow-private-network", "true");
  allow(headers, origin);
  return new Response(null, { status: 204, headers });
}

function refusal(origin: string): RouteletError {
  return new RouteletError({
    kind: "permission",
    code: "origin_not_allowed",
    message: `Pages of ${origin} may not call this gateway. An operator can allow it by the setting \`cors.origins\` of project \`default\`.`,
  });
}

/**
 * Answers a browser's request from a page (Fetch, "CORS protocol"). A preflight carries no key, so that no project is known:
 * the origins of project `default` hold for the whole deployment. Cookies are never allowed: callers show a key.
 */
export async function withCors(options: {
  request: Request;
  origin: string;
  env: Env;
  ctx: ExecutionContext;
  answer: () => Promise<Response>;
}): Promise<Response> {
  const { request, origin, env, ctx } = options;
  const isPreflight = request.method === "OPTIONS" && request.headers.has("access-control-request-method");
  let allowed = false;
  let error = refusal(origin);
  try {
    const waitUntil = (work: Promise<unknown>) => ctx.waitUntil(work);
    const { cors } = await settingsFor({ env, projectId: DEFAULT_PROJECT, waitUntil, clock: Date.now });
    allowed = allowsOrigin(cors.origins, origin);
  } catch (thrown) {
    error = toRouteletError(thrown);
  }
  if (isPreflight) return allowed ? preflight(request, origin) : renderErrorFor(request, error);
  const response = await options.answer();
  response.headers.append("vary", "origin");
  if (allowed) allow(response.headers, origin);
  return response;
}
