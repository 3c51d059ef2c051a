import { createRoute, z } from "@hono/zod-openapi";
import { version } from "../../package.json";
import { secretsOf } from "../security/derive.ts";
import type { AdminApp } from "./context.ts";
import { jsonResponse } from "./responses.ts";

const healthSchema = z
  .object({ ok: z.boolean(), version: z.string(), problem: z.string().nullable() })
  .openapi("Health");

const health = createRoute({
  method: "get",
  path: "/health",
  tags: ["health"],
  summary: "Whether the gateway is set up and answers; open to all, asks no other part",
  responses: {
    200: jsonResponse(healthSchema, "It is."),
    503: jsonResponse(healthSchema, "It answers, but lacks a setting: `problem` says which."),
  },
});

/** `/health`. */
export function addHealthRoute(app: AdminApp): void {
  app.openapi(health, (c) => {
    const problem = setUpProblem(c.env);
    return problem === null
      ? c.json({ ok: true, version, problem }, 200)
      : c.json({ ok: false, version, problem }, 503);
  });
}

function setUpProblem(env: Parameters<typeof secretsOf>[0]): string | null {
  try {
    secretsOf(env);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : "The gateway is not set up.";
  }
}
