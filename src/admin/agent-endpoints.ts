import { z } from "@hono/zod-openapi";
import type { AdminApp } from "./context.ts";
import { errorSchema, jsonResponse } from "./responses.ts";

const modelSchema = z
  .looseObject({
    id: z.string(),
    object: z.literal("model"),
    created: z.number().int(),
    owned_by: z.string(),
  })
  .openapi("Model");

const chatRequestSchema = z
  .looseObject({
    model: z.string().openapi({ description: "A cloud model, `auto`, `slm` or `slm/<model id>`." }),
    messages: z.array(z.looseObject({ role: z.string() })).min(1),
    stream: z.boolean().optional(),
  })
  .openapi("ChatCompletionRequest", {
    description: "OpenAI's request; fields that are not named here pass through.",
  });

const routeHeaders = z.object({
  "x-routelet-route": z.enum(["auto", "llm", "slm", "local-only"]).optional(),
  "x-routelet-task": z.string().max(256).optional(),
  "x-routelet-session": z.string().max(256).optional(),
});

const replyHeaders = {
  "x-routelet-call": { schema: { type: "string" as const }, description: "The call's id." },
  "x-routelet-served-by": {
    schema: { type: "string" as const },
    description: "`slm/<model>` or `llm/<provider>/<model>`.",
  },
  "x-routelet-reason": { schema: { type: "string" as const }, description: "Why it went there." },
};

const security: Record<string, string[]>[] = [{ apiKey: [] }, { apiKeyHeader: [] }];
const errors = {
  400: jsonResponse(errorSchema, "The request is wrong; `param` names the field."),
  401: jsonResponse(errorSchema, "The API key is missing or not valid."),
};

/** Describes the endpoints for agents, which the Worker serves itself: they stream. */
export function describeAgentEndpoints(app: AdminApp): void {
  app.openAPIRegistry.registerPath({
    method: "post",
    path: "/v1/chat/completions",
    tags: ["agents"],
    summary: "A chat completion, as OpenAI defines it, streamed or not",
    security,
    request: {
      headers: routeHeaders,
      body: { required: true, content: { "application/json": { schema: chatRequestSchema } } },
    },
    responses: {
      200: {
        description: "OpenAI's completion, or its server-sent events when `stream` is true.",
        headers: replyHeaders,
        content: {
          "application/json": { schema: z.looseObject({ object: z.literal("chat.completion") }) },
          "text/event-stream": { schema: z.string() },
        },
      },
      ...errors,
      404: jsonResponse(errorSchema, "No backend knows this model."),
      413: jsonResponse(errorSchema, "The request is larger than the limit."),
      429: jsonResponse(errorSchema, "Too many calls; try again after `Retry-After`."),
      502: jsonResponse(errorSchema, "The backend failed."),
      503: jsonResponse(errorSchema, "No backend can answer now."),
      504: jsonResponse(errorSchema, "No answer within the deadline."),
    },
  });
  app.openAPIRegistry.registerPath({
    method: "get",
    path: "/v1/models",
    tags: ["agents"],
    summary: "The models that may be asked for",
    security,
    responses: {
      200: jsonResponse(z.object({ object: z.literal("list"), data: z.array(modelSchema) }), "All of them."),
      401: errors[401],
    },
  });
  app.openAPIRegistry.registerPath({
    method: "get",
    path: "/v1/models/{id}",
    tags: ["agents"],
    summary: "One model",
    security,
    request: { params: z.object({ id: z.string() }) },
    responses: {
      200: jsonResponse(modelSchema, "The model."),
      401: errors[401],
      404: jsonResponse(errorSchema, "There is no such model."),
    },
  });
}
