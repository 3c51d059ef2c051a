import { adminApp } from "./admin/app.ts";
import { COUNT_ENDPOINTS, handleCount } from "./calls/count-tokens.ts";
import { handleFeedback } from "./calls/feedback/handle-feedback.ts";
import { handleCall } from "./calls/handle-call.ts";
import { handleModels } from "./calls/list-models.ts";
import { handlePass } from "./calls/pass/handle-pass.ts";
import { passedPath } from "./calls/pass/passed-path.ts";
import {
  handleStoredResponse,
  isStoredResponsePath,
} from "./calls/stored-responses/handle-stored-response.ts";
import { withCors } from "./cors.ts";
import { renderErrorFor } from "./dialects/caller-dialect.ts";
import type { ClientDialect } from "./dialects/dialect.ts";
import { CLIENT_DIALECTS } from "./dialects/registry.ts";
import type { Env } from "./env.ts";
import { RouteletError, toRouteletError } from "./errors.ts";
import { handleTunnelRequest } from "./tunnel/routes.ts";

export { BackgroundCall } from "./calls/background/background-call.ts";
export { DatasetBuild } from "./datasets/dataset-build.ts";
export { Fleet } from "./fleet/fleet.ts";
export { JobRun } from "./jobs/job-run.ts";
export { Ledger } from "./ledger/ledger.ts";
export { NodeTunnel } from "./tunnel/node-tunnel.ts";
export { Work } from "./work/work.ts";

const ENDPOINTS: ReadonlyMap<string, ClientDialect> = new Map(
  CLIENT_DIALECTS.map((dialect) => [dialect.endpoint, dialect]),
);

function methodNotAllowed(request: Request, allowed: string): Response {
  const error = new RouteletError({
    kind: "invalid_request",
    status: 405,
    code: "method_not_allowed",
    message: `Use ${allowed} here.`,
  });
  const response = renderErrorFor(request, error);
  response.headers.set("allow", allowed);
  return response;
}

function notFound(request: Request): Response {
  const error = new RouteletError({
    kind: "not_found",
    code: "unknown_route",
    message: `There is no ${request.method} ${new URL(request.url).pathname}. \`GET /openapi.json\` lists what there is.`,
  });
  return renderErrorFor(request, error);
}

/** What agents ask for. */
async function agentRoute(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const url = new URL(request.url);
  const path = url.pathname;
  const client = ENDPOINTS.get(path);
  if (client !== undefined) {
    return request.method === "POST"
      ? handleCall({ client, request, env, ctx })
      : methodNotAllowed(request, "POST");
  }
  const counting = COUNT_ENDPOINTS.get(path);
  if (counting !== undefined) {
    return request.method === "POST"
      ? handleCount(counting, request, env, ctx)
      : methodNotAllowed(request, "POST");
  }
  if (path === "/v1/feedback")
    return request.method === "POST" ? handleFeedback(request, env, ctx) : methodNotAllowed(request, "POST");
  if (isStoredResponsePath(path)) return handleStoredResponse(request, env, ctx);
  if (path === "/v1/models" || path.startsWith("/v1/models/"))
    return request.method === "GET" ? handleModels(request, env, ctx) : methodNotAllowed(request, "GET");
  try {
    const route = passedPath(url);
    return route === null ? notFound(request) : await handlePass({ request, env, ctx, route });
  } catch (thrown) {
    return renderErrorFor(request, toRouteletError(thrown));
  }
}

export default {
  async fetch(request, env, ctx): Promise<Response> {
    const path = new URL(request.url).pathname;
    if (path.startsWith("/v1/")) {
      const origin = request.headers.get("origin");
      const answer = () => agentRoute(request, env, ctx);
      return origin === null ? answer() : withCors({ request, origin, env, ctx, answer });
    }
    if (path.startsWith("/tunnel/")) return (await handleTunnelRequest(request, env)) ?? notFound(request);
    if (path.startsWith("/api/") || path === "/health" || path === "/openapi.json")
      return adminApp.fetch(request, env, ctx);
    return notFound(request);
  },
} satisfies ExportedHandler<Env>;
