import { adminApp } from "./admin/app.ts";
import { handleCountTokens } from "./calls/count-tokens.ts";
import { handleCall } from "./calls/handle-call.ts";
import { handleModels } from "./calls/list-models.ts";
import {
  handleStoredResponse,
  isStoredResponsePath,
} from "./calls/stored-responses/handle-stored-response.ts";
import { anthropicMessages } from "./dialects/anthropic-messages/client.ts";
import type { ClientDialect } from "./dialects/dialect.ts";
import { renderOpenAiError } from "./dialects/openai-chat/error.ts";
import { CLIENT_DIALECTS } from "./dialects/registry.ts";
import type { Env } from "./env.ts";
import { RouteletError } from "./errors.ts";
import { handleTunnelRequest } from "./tunnel/routes.ts";

export { Fleet } from "./fleet/fleet.ts";
export { Ledger } from "./ledger/ledger.ts";
export { NodeTunnel } from "./tunnel/node-tunnel.ts";

const ENDPOINTS: ReadonlyMap<string, ClientDialect> = new Map(
  CLIENT_DIALECTS.map((dialect) => [dialect.endpoint, dialect]),
);

function methodNotAllowed(allowed: string, client?: ClientDialect): Response {
  const error = new RouteletError({
    kind: "invalid_request",
    status: 405,
    code: "method_not_allowed",
    message: `Use ${allowed} here.`,
  });
  const response = client === undefined ? renderOpenAiError(error) : client.renderError(error);
  response.headers.set("allow", allowed);
  return response;
}

function notFound(method: string, path: string): Response {
  return renderOpenAiError(
    new RouteletError({
      kind: "not_found",
      code: "unknown_route",
      message: `There is no ${method} ${path}. \`GET /openapi.json\` lists what there is.`,
    }),
  );
}

export default {
  async fetch(request, env, ctx): Promise<Response> {
    const path = new URL(request.url).pathname;
    const client = ENDPOINTS.get(path);
    if (client !== undefined) {
      return request.method === "POST"
        ? handleCall({ client, request, env, ctx })
        : methodNotAllowed("POST", client);
    }
    if (path === "/v1/messages/count_tokens") {
      return request.method === "POST"
        ? handleCountTokens(request, env, ctx)
        : methodNotAllowed("POST", anthropicMessages);
    }
    if (isStoredResponsePath(path)) return handleStoredResponse(request, env, ctx);
    if (path === "/v1/models" || path.startsWith("/v1/models/")) {
      return request.method === "GET" ? handleModels(request, env, ctx) : methodNotAllowed("GET");
    }
    if (path.startsWith("/tunnel/"))
      return (await handleTunnelRequest(request, env)) ?? notFound(request.method, path);
    if (path.startsWith("/api/") || path === "/health" || path === "/openapi.json")
      return adminApp.fetch(request, env, ctx);
    return notFound(request.method, path);
  },
} satisfies ExportedHandler<Env>;
