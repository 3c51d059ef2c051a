import { callCloud } from "../backends/call-cloud.ts";
import { clientResponseHeaders } from "../backends/headers.ts";
import { anthropicMessages } from "../dialects/anthropic-messages/client.ts";
import { estimateInputTokens } from "../dialects/anthropic-messages/count-tokens.ts";
import type { Call } from "../dialects/call.ts";
import { setTopLevelField } from "../dialects/json-splice.ts";
import { readJsonObject } from "../dialects/read-json.ts";
import type { Env } from "../env.ts";
import { toRouteletError } from "../errors.ts";
import type { PlannedAttempt } from "../routing/plan.ts";
import { parseRoute, resolveTarget } from "../routing/target.ts";
import { authenticate } from "../security/key-snapshot.ts";
import { settingsFor } from "../security/settings-snapshot.ts";
import { logInternal } from "./log-internal.ts";
import { planCall } from "./plan-call.ts";
import { readBody } from "./read-body.ts";

/** Counting is cheap: a provider that takes longer than this is not worth the wait. Milliseconds. */
const COUNT_TIMEOUT_MS = 10_000;

const ENCODER = new TextEncoder();

/** A count has no `max_tokens`, which a message must have. */
function parse(body: Uint8Array): { call: Call; text: string } {
  const { text, json } = readJsonObject(body, "`model` and `messages`");
  const whole = json.max_tokens === undefined ? setTopLevelField(text, "max_tokens", 1) : text;
  return { call: anthropicMessages.parse(ENCODER.encode(whole)), text };
}

/** The provider's own count; null when it could not give one. A refusal is passed on: it is about the request. */
async function countAtProvider(options: {
  request: Request;
  env: Env;
  planned: Extract<PlannedAttempt, { kind: "cloud" }>;
  text: string;
}): Promise<Response | null> {
  const { request, env, planned, text } = options;
  try {
    const reply = await callCloud({
      ...planned,
      env,
      dialect: "anthropic-messages",
      endpoint: "/count_tokens",
      body: ENCODER.encode(setTopLevelField(text, "model", planned.model)) as Uint8Array<ArrayBuffer>,
      clientHeaders: request.headers,
      mayLeave: true,
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(COUNT_TIMEOUT_MS)]),
      fetch: (...args) => fetch(...args),
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

/**
 * `POST /v1/messages/count_tokens`: counted by the provider where the model's backend is Anthropic's, estimated
 * otherwise; `x-routelet-estimated: true` says so.
 */
export async function handleCountTokens(
  request: Request,
  env: Env,
  ctx: ExecutionContext,
): Promise<Response> {
  const now = Date.now;
  const waitUntil = (work: Promise<unknown>) => ctx.waitUntil(work);
  try {
    const caller = await authenticate({ request, env, waitUntil, clock: now });
    const settings = await settingsFor({ env, projectId: caller.projectId, waitUntil, clock: now });
    const { call, text } = parse(await readBody(request));
    const route = parseRoute(request.headers.get("x-routelet-route"));
    const target = resolveTarget({ model: call.requestedModel, route });
    const plan = await planCall({ env, call, target, caller, settings, now: now(), waitUntil });
    const [planned] = plan.attempts;
    if (planned?.kind === "cloud" && planned.speaks === "anthropic-messages") {
      const counted = await countAtProvider({ request, env, planned, text });
      if (counted !== null) return counted;
    }
    const asked = call.request?.();
    const tokens = asked === undefined ? 1 : estimateInputTokens(asked);
    return Response.json({ input_tokens: tokens }, { headers: { "x-routelet-estimated": "true" } });
  } catch (thrown) {
    const error = toRouteletError(thrown);
    logInternal(error, null);
    return anthropicMessages.renderError(error);
  }
}
