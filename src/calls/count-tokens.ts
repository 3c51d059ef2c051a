import { callCloud } from "../backends/call-cloud.ts";
import { clientResponseHeaders } from "../backends/headers.ts";
import { outboundFetch } from "../backends/outbound.ts";
import { anthropicMessages } from "../dialects/anthropic-messages/client.ts";
import { estimateInputTokens } from "../dialects/anthropic-messages/count-tokens.ts";
import { parseCountCall } from "../dialects/anthropic-messages/parse.ts";
import type { Call } from "../dialects/call.ts";
import type { ClientDialect } from "../dialects/dialect.ts";
import { openAiResponses } from "../dialects/openai-responses/client.ts";
import { inputTokensBody, parseInputTokensCall } from "../dialects/openai-responses/parse.ts";
import type { Env } from "../env.ts";
import { toRouteletError } from "../errors.ts";
import { readBody } from "../read-body.ts";
import type { PlannedAttempt } from "../routing/plan.ts";
import { parseRoute, resolveTarget } from "../routing/target.ts";
import { policyFor } from "../settings/policy.ts";
import type { Settings } from "../settings.ts";
import { logInternal } from "./log-internal.ts";
import { openVisit } from "./open-visit.ts";
import { planCall } from "./plan-call.ts";
import { keepingOf } from "./stored-responses/keeping.ts";

/** Counting is cheap: a provider that takes longer than this is not worth the wait. Milliseconds. */
const COUNT_TIMEOUT_MS = 10_000;

const ENCODER = new TextEncoder();

/** An endpoint that says how many tokens a request's input has. */
export interface CountEndpoint {
  dialect: Pick<ClientDialect, "name" | "renderError">;
  /** After the dialect's own path at a provider. */
  endpoint: string;
  parse(body: Uint8Array): Call;
  /** The request as the provider's own endpoint takes it. */
  body(call: Call, model: string): string;
  reply(tokens: number): object;
}

/** By their paths. */
export const COUNT_ENDPOINTS: ReadonlyMap<string, CountEndpoint> = new Map([
  [
    "/v1/messages/count_tokens",
    {
      dialect: anthropicMessages,
      endpoint: "/count_tokens",
      parse: parseCountCall,
      body: (call, model) => call.passBody(model),
      reply: (tokens) => ({ input_tokens: tokens }),
    },
  ],
  [
    "/v1/responses/input_tokens",
    {
      dialect: openAiResponses,
      endpoint: "/input_tokens",
      parse: parseInputTokensCall,
      body: inputTokensBody,
      reply: (tokens) => ({ object: "response.input_tokens", input_tokens: tokens }),
    },
  ],
]);

/** The provider's own count; null when it could not give one. A refusal is passed on: it is about the request. */
async function countAtProvider(options: {
  counting: CountEndpoint;
  request: Request;
  env: Env;
  planned: Extract<PlannedAttempt, { kind: "cloud" }>;
  call: Call;
  projectId: string;
  settings: Settings;
}): Promise<Response | null> {
  const { counting, request, env, planned, call, settings } = options;
  try {
    const reply = await callCloud({
      ...planned,
      env,
      dialect: counting.dialect.name,
      endpoint: counting.endpoint,
      body: ENCODER.encode(counting.body(call, planned.model)) as Uint8Array<ArrayBuffer>,
      clientHeaders: request.headers,
      mayLeave: true,
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(COUNT_TIMEOUT_MS)]),
      fetch: outboundFetch(env),
      account: {
        projectId: options.projectId,
        providers: settings.providers,
        passProviderKey: settings.passProviderKey,
        conversation: planned.conversation ?? null,
        random: Math.random,
        now: Date.now,
      },
    });
    const body = await reply.whole();
    const theirs = reply.status < 400 || reply.status === 400 || reply.status === 413;
    return theirs
      ? new Response(body, { status: reply.status, headers: clientResponseHeaders(reply.headers) })
      : null;
  } catch (thrown) {
    console.warn(JSON.stringify({ event: "count_tokens_failed", code: toRouteletError(thrown).code }));
    return null;
  }
}

async function count(
  counting: CountEndpoint,
  request: Request,
  env: Env,
  ctx: ExecutionContext,
): Promise<Response> {
  const visit = await openVisit({ request, env, ctx });
  const { caller, now, waitUntil } = visit;
  const parsed = counting.parse(await readBody(request));
  const settings = policyFor(await visit.settings(), { model: parsed.requestedModel, keyId: caller.keyId });
  const { projectId } = caller;
  const route = parseRoute(request.headers.get("x-routelet-route"));
  const target = resolveTarget({ model: parsed.requestedModel, route });
  const mayLeave = target.kind !== "slm";
  const localOnly = target.kind === "slm" && target.localOnly;
  const call =
    parsed.store === undefined
      ? parsed
      : (await keepingOf({ env, projectId, call: parsed, callId: "", settings, mayLeave, localOnly, now }))
          .call;
  const plan = await planCall({
    env,
    call,
    target,
    caller,
    settings,
    session: null,
    clientHeaders: request.headers,
    now: now(),
    waitUntil,
  });
  const [planned] = plan.attempts;
  if (planned?.kind === "cloud" && planned.speaks === counting.dialect.name) {
    const counted = await countAtProvider({ counting, request, env, planned, call, settings, projectId });
    if (counted !== null) return counted;
  }
  const asked = call.request?.();
  const tokens = asked === undefined ? 1 : estimateInputTokens(asked);
  return Response.json(counting.reply(tokens), { headers: { "x-routelet-estimated": "true" } });
}

/**
 * `POST /v1/messages/count_tokens` and `POST /v1/responses/input_tokens`: counted by the provider where the model's backend
 * speaks the dialect itself and counts, estimated otherwise; `x-routelet-estimated: true` says so.
 */
export async function handleCount(
  counting: CountEndpoint,
  request: Request,
  env: Env,
  ctx: ExecutionContext,
): Promise<Response> {
  try {
    return await count(counting, request, env, ctx);
  } catch (thrown) {
    const error = toRouteletError(thrown);
    logInternal(error, null);
    return counting.dialect.renderError(error);
  }
}
