import { OpenAPIHono } from "@hono/zod-openapi";
import type { Env } from "../env.ts";

/** The operator's API. */
export const adminApp = new OpenAPIHono<{ Bindings: Env }>();

adminApp.get("/health", (c) => c.json({ ok: true }));
