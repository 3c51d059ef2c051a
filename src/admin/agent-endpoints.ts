import { z } from "@hono/zod-openapi";
import { ROUTE_FAMILIES } from "../backends/providers/routes.ts";
import { feedbackBody } from "../calls/feedback/parse-feedback.ts";
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

const model = z.string().openapi({ description: "A cloud model, `auto`, `slm` or `slm/<model id>`." });

/** An endpoint at which a model is called. */
interface CallEndpoint {
  path: string;
  summary: string;
  request: z.ZodType;
  reply: z.ZodType;
  streamed: boolean;
}

const anything = z.looseObject({});
const messages = z.array(z.looseObject({ role: z.string() })).min(1);
const stream = z.boolean().optional();

/** The fields without which no request is one; all others pass through or are translated. */
const CALLS: readonly CallEndpoint[] = [
  {
    path: "/v1/chat/completions",
    summary: "A chat completion, as OpenAI defines it, streamed or not",
    request: z.looseObject({ model, messages, stream }).openapi("ChatCompletionRequest"),
    reply: z.looseObject({ object: z.literal("chat.completion") }),
    streamed: true,
  },
  {
    path: "/v1/responses",
    summary:
      "A response, as OpenAI defines it, streamed or not; kept for later calls where `store` is not false",
    request: z
      .looseObject({ model, input: z.union([z.string(), z.array(anything)]), stream })
      .openapi("ResponseRequest"),
    reply: z.looseObject({ object: z.literal("response") }),
    streamed: true,
  },
  {
    path: "/v1/responses/input_tokens",
    summary: "The input tokens of a response; an estimate where no provider counts (`x-routelet-estimated`)",
    request: z
      .looseObject({ model, input: z.union([z.string(), z.array(anything)]) })
      .openapi("InputTokensRequest"),
    reply: z.looseObject({ object: z.literal("response.input_tokens"), input_tokens: z.number().int() }),
    streamed: false,
  },
  {
    path: "/v1/responses/compact",
    summary:
      "A conversation made shorter, by the provider of the model; refused where that has no such endpoint",
    request: z
      .looseObject({ model, input: z.union([z.string(), z.array(anything)]) })
      .openapi("CompactRequest"),
    reply: z.looseObject({ object: z.literal("response.compaction") }),
    streamed: false,
  },
  {
    path: "/v1/messages",
    summary: "A message, as Anthropic defines it, streamed or not",
    request: z
      .looseObject({ model, messages, max_tokens: z.number().int().min(1), stream })
      .openapi("MessageRequest"),
    reply: z.looseObject({ type: z.literal("message") }),
    streamed: true,
  },
  {
    path: "/v1/messages/count_tokens",
    summary: "The input tokens of a message; an estimate where no provider counts (`x-routelet-estimated`)",
    request: z.looseObject({ model, messages }).openapi("CountTokensRequest"),
    reply: z.looseObject({ input_tokens: z.number().int() }),
    streamed: false,
  },
  {
    path: "/v1/completions",
    summary: "A text that goes on from a prompt, up to a `suffix` where the backend can, streamed or not",
    request: z.looseObject({ model, prompt: z.unknown(), stream }).openapi("CompletionRequest"),
    reply: z.looseObject({ object: z.literal("text_completion") }),
    streamed: true,
  },
  {
    path: "/v1/embeddings",
    summary: "Vectors of texts, as floats or base64, always of the model that is named",
    request: z.looseObject({ model, input: z.unknown() }).openapi("EmbeddingsRequest"),
    reply: z.looseObject({ object: z.literal("list") }),
    streamed: false,
  },
];

const routeHeaders = z.object({
  "x-routelet-route": z.enum(["auto", "llm", "slm", "local-only"]).optional(),
  "x-routelet-task": z.string().max(256).optional(),
  "x-routelet-session": z.string().max(256).optional(),
  "x-routelet-priority": z.enum(["interactive", "job"]).optional(),
  "x-routelet-cache": z.enum(["read", "write", "off"]).optional(),
});

const replyHeaders = {
  "x-routelet-call": { schema: { type: "string" as const }, description: "The call's id." },
  "x-routelet-served-by": {
    schema: { type: "string" as const },
    description: "`slm/<model>` or `llm/<provider>/<model>`.",
  },
  "x-routelet-reason": { schema: { type: "string" as const }, description: "Why it went there." },
  "x-routelet-omitted": {
    schema: { type: "string" as const },
    description:
      "What of the request was left out since the backend has no such hosted tool (setting `hosted_tools: omit`): paths, each with its kind. Absent where nothing was.",
  },
  "x-request-id": {
    schema: { type: "string" as const },
    description: "The backend's id of the request; the call's where it gave none.",
  },
};

const security: Record<string, string[]>[] = [{ apiKey: [] }, { apiKeyHeader: [] }];
const errors = {
  400: jsonResponse(errorSchema, "The request is wrong; `param` names the field."),
  401: jsonResponse(errorSchema, "The API key is missing or not valid."),
};

const failures = {
  ...errors,
  404: jsonResponse(errorSchema, "No backend knows this model, or has this endpoint."),
  413: jsonResponse(errorSchema, "The request is larger than the limit."),
  429: jsonResponse(errorSchema, "Too many calls; try again after `Retry-After`."),
  502: jsonResponse(errorSchema, "The backend failed."),
  503: jsonResponse(errorSchema, "No backend can answer now."),
  504: jsonResponse(errorSchema, "No answer within the deadline."),
};

function describeCall(app: AdminApp, { path, summary, request, reply, streamed }: CallEndpoint): void {
  app.openAPIRegistry.registerPath({
    method: "post",
    path,
    tags: ["agents"],
    summary,
    security,
    request: {
      headers: routeHeaders,
      body: { required: true, content: { "application/json": { schema: request } } },
    },
    responses: {
      200: {
        description: streamed ? "The reply, or its server-sent events when `stream` is true." : "The reply.",
        headers: replyHeaders,
        content: {
          "application/json": { schema: reply },
          ...(streamed ? { "text/event-stream": { schema: z.string() } } : {}),
        },
      },
      ...failures,
    },
  });
}

/** What is kept of `/v1/responses`. */
function describeStoredResponses(app: AdminApp): void {
  const common = {
    tags: ["agents"],
    security,
    request: { params: z.object({ id: z.string() }) },
  };
  const missing = { 401: errors[401], 404: jsonResponse(errorSchema, "There is no such response.") };
  app.openAPIRegistry.registerPath({
    ...common,
    method: "get",
    path: "/v1/responses/{id}",
    summary: "A kept response, whole or as the stream that would have brought it",
    request: {
      ...common.request,
      query: z.object({
        stream: z.enum(["true", "false"]).optional(),
        starting_after: z
          .string()
          .optional()
          .openapi({ description: "The `sequence_number` of the last event that the client has." }),
      }),
    },
    responses: { 200: jsonResponse(anything, "The response."), ...missing },
  });
  app.openAPIRegistry.registerPath({
    ...common,
    method: "delete",
    path: "/v1/responses/{id}",
    summary: "Forgets a kept response",
    responses: { 200: jsonResponse(z.object({ deleted: z.literal(true) }), "It is gone."), ...missing },
  });
  app.openAPIRegistry.registerPath({
    ...common,
    method: "post",
    path: "/v1/responses/{id}/cancel",
    summary: "Ends a response that is made in the background (`background: true`)",
    responses: {
      200: jsonResponse(anything, "The response as it ended."),
      400: jsonResponse(errorSchema, "The response is not made in the background."),
      ...missing,
    },
  });
  app.openAPIRegistry.registerPath({
    ...common,
    method: "get",
    path: "/v1/responses/{id}/input_items",
    summary: "What a kept response was given, page by page",
    responses: { 200: jsonResponse(z.object({ data: z.array(anything) }), "The items."), ...missing },
  });
}

function describeFeedback(app: AdminApp): void {
  app.openAPIRegistry.registerPath({
    method: "post",
    path: "/v1/feedback",
    tags: ["agents"],
    summary: "What the agent or its user says of an answer; the newest of a key counts",
    description:
      "`call_id` is `x-routelet-call` of the reply; `run_id` is what the run's calls carried as `x-routelet-session`. `thumbs` or `score` (0 to 1), or `corrected`: the answer that would have been right, as text or in the form of the endpoint's reply.",
    security,
    request: { body: { required: true, content: { "application/json": { schema: feedbackBody } } } },
    responses: {
      200: jsonResponse(
        z.object({
          object: z.literal("feedback"),
          call_id: z.string().optional(),
          run_id: z.string().optional(),
          score: z.number().nullable(),
          replaced: z.boolean().openapi({ description: "Whether the same key had said something before." }),
        }),
        "It is kept.",
      ),
      ...errors,
      404: jsonResponse(errorSchema, "The project has no such call or run."),
      503: jsonResponse(errorSchema, "It was not kept; send it again."),
    },
  });
}

/** The endpoints that pass through to a provider that has them, each with all that is below it. */
function describePassed(app: AdminApp): void {
  for (const method of ["get", "post", "delete"] as const) {
    app.openAPIRegistry.registerPath({
      method,
      path: "/v1/{family}",
      tags: ["agents"],
      summary: "OpenAI's other endpoints, and all paths below them, as the provider has them",
      description:
        "The provider is that of the body's `model` (JSON or a form's field), or the one that `x-routelet-provider` names, else `openai`. Bodies pass as they come, both ways.",
      security,
      request: {
        params: z.object({ family: z.enum(ROUTE_FAMILIES) }),
        headers: routeHeaders.extend({ "x-routelet-provider": z.string().optional() }),
      },
      responses: {
        200: { description: "The provider's answer, as it came.", headers: replyHeaders },
        ...failures,
        403: jsonResponse(errorSchema, "The provider's account is closed to this project."),
      },
    });
  }
}

/** Describes the endpoints for agents, which the Worker serves itself: they stream. */
export function describeAgentEndpoints(app: AdminApp): void {
  for (const endpoint of CALLS) describeCall(app, endpoint);
  describeStoredResponses(app);
  describeFeedback(app);
  describePassed(app);
  app.openAPIRegistry.registerPath({
    method: "get",
    path: "/v1/models",
    tags: ["agents"],
    summary: "The models that may be asked for; in Anthropic's shape where `anthropic-version` is sent",
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
