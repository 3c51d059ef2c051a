import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Env } from "../env.ts";

export type AdminEnv = { Bindings: Env };
export type AdminApp = OpenAPIHono<AdminEnv>;

/** The Fleet object of this deployment. */
export function fleetOf(c: Context<AdminEnv>) {
  return c.env.FLEET.getByName("fleet");
}
