import { OpenAPIHono, z } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { version } from "../../package.json";
import { databaseFailure, isDatabaseFailure } from "../db/failure.ts";
import { renderOpenAiError } from "../dialects/openai-chat/error.ts";
import { RouteletError, toRouteletError } from "../errors.ts";
import { requireAdmin } from "../security/admin-key.ts";
import { describeAgentEndpoints } from "./agent-endpoints.ts";
import { addCallRoutes } from "./calls.ts";
import type { AdminApp, AdminEnv } from "./context.ts";
import { addDatasetRoutes, IMPORT_PATH } from "./datasets.ts";
import { addHealthRoute } from "./health.ts";
import { addJobRoutes } from "./jobs.ts";
import { addKeyRoutes } from "./keys.ts";
import { addNodeRoutes } from "./nodes.ts";
import { addSavingsRoutes } from "./savings.ts";
import { addSettingsRoutes } from "./settings.ts";
import { addTaskRoutes } from "./tasks.ts";

/** No operator's request is larger, but for a file, which is read with a limit of its own; bytes. */
const MAX_BODY = 64 * 1024;

/** `/api/*`, `/health` and `/openapi.json`. Everything under `/api` wants the admin key, unknown paths too. */
export const adminApp = createAdminApp();

function createAdminApp(): AdminApp {
  const app: AdminApp = new OpenAPIHono<AdminEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidRequest(result.error);
    },
  });
  app.onError((thrown) => {
    const error = asRouteletError(thrown);
    if (error.status >= 500 && error.cause !== undefined) {
      console.error(JSON.stringify({ event: "admin_error", code: error.code, cause: String(error.cause) }));
    }
    return renderOpenAiError(error);
  });
  app.notFound((c) => renderOpenAiError(unknownRoute(c.req.method, c.req.path)));

  app.use("/api/*", async (c, next) => {
    await requireAdmin({ request: c.req.raw, env: c.env });
    await next();
  });
  app.use("/api/*", async (c, next) => {
    c.req.raw = asJson(c.req.raw);
    await next();
  });
  const limited = bodyLimit({ maxSize: MAX_BODY, onError: () => renderOpenAiError(tooLarge()) });
  app.use("/api/*", (c, next) => (c.req.path === IMPORT_PATH ? next() : limited(c, next)));

  addHealthRoute(app);
  addKeyRoutes(app);
  addNodeRoutes(app);
  addCallRoutes(app);
  addSettingsRoutes(app);
  addTaskRoutes(app);
  addSavingsRoutes(app);
  addDatasetRoutes(app);
  addJobRoutes(app);
  describeAgentEndpoints(app);
  addDocument(app);
  return app;
}

/** Bodies are JSON whatever they are called: `curl -d` calls them a form. */
function asJson(request: Request): Request {
  const type = request.headers.get("content-type");
  if (type === null || /json/i.test(type)) return request;
  const headers = new Headers(request.headers);
  headers.set("content-type", "application/json");
  return new Request(request, { headers });
}

function addDocument(app: AdminApp): void {
  const { openAPIRegistry } = app;
  const component = openAPIRegistry.registerComponent.bind(openAPIRegistry);
  component("securitySchemes", "adminKey", { type: "http", scheme: "bearer" });
  component("securitySchemes", "apiKey", { type: "http", scheme: "bearer" });
  component("securitySchemes", "apiKeyHeader", { type: "apiKey", in: "header", name: "x-api-key" });
  app.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: {
      title: "Routelet",
      version,
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
      description:
        "A gateway for agents. Times are ISO 8601 in UTC; durations are milliseconds in fields that end in `_ms`.",
    },
    servers: [{ url: "/" }],
  });
}

function asRouteletError(thrown: unknown): RouteletError {
  if (thrown instanceof z.ZodError) return invalidRequest(thrown);
  if (thrown instanceof HTTPException && thrown.status < 500) {
    return new RouteletError({
      kind: "invalid_request",
      code: "invalid_json",
      message: "The request body is not valid JSON.",
      status: thrown.status,
    });
  }
  if (isDatabaseFailure(thrown)) return databaseUnavailable(thrown);
  return toRouteletError(thrown);
}

/** Names the first field that is wrong. */
function invalidRequest(error: z.core.$ZodError): RouteletError {
  const issue = error.issues[0];
  const path = z.core.toDotPath(issue?.path ?? []);
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const param = [path, unknown].filter(Boolean).join(".") || undefined;
  return new RouteletError({
    kind: "invalid_request",
    code: unknown === undefined ? "invalid_field" : "unknown_field",
    message:
      param === undefined
        ? `The request is wrong: ${issue?.message ?? "it has not the right form"}.`
        : `\`${param}\` is wrong: ${issue?.message ?? "it has not the right form"}.`,
    param,
  });
}

function databaseUnavailable(thrown: unknown): RouteletError {
  return new RouteletError({
    kind: "unavailable",
    code: "database_unavailable",
    message: "The database did not do this right now. Try again in a moment.",
    retryable: true,
    retryAfterSeconds: 2,
    cause: databaseFailure(thrown),
  });
}

function unknownRoute(method: string, path: string): RouteletError {
  return new RouteletError({
    kind: "not_found",
    code: "unknown_route",
    message: `There is no ${method} ${path}. \`GET /openapi.json\` lists what there is.`,
  });
}

function tooLarge(): RouteletError {
  return new RouteletError({
    kind: "too_large",
    code: "request_too_large",
    message: `The request body is larger than ${MAX_BODY} bytes.`,
  });
}
