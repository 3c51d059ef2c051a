import { callCloud } from "../backends/call-cloud.ts";
import { clientResponseHeaders } from "../backends/headers.ts";
import { assertNoLoop } from "../backends/loop-mark.ts";
import { outboundFetch } from "../backends/outbound.ts";
import { anthropicMessages } from "../dialects/anthropic-messages/client.ts";
import { estimateInputTokens } from "../dialects/anthropic-messages/count-tokens.ts";
import { parseCountCall } from "../dialects/anthropic-messages/parse.ts";
import type { Call } from "../dialects/call.ts";
import type { Env } from "../env.ts";
import { toRouteletError } from "../errors.ts";
import type { PlannedAttempt } from "../routing/plan.ts";
import { parseRoute, resolveTarget } from "../routing/target.ts";
import { authenticate } from "../security/key-snapshot.ts";
import { settingsFor } from "../security/settings-snapshot.ts";
import type { Settings } from "../settings.ts";
import { logInternal } from "./log-internal.ts";
import { planCall } from "./plan-call.ts";
import { readBody } from "./read-body.ts";

/** Counting is cheap: a provider that takes longer than this is not worth the wait. Milliseconds. */
const COUNT_TIMEOUT_MS = 10_000;

const ENCODER = new TextEncoder();

/** The provider's own count; null when it could not give one. A refusal is passed on: it is about the request. */
async function countAtProvider(options: {
  request: Request;
  env: Env;
  planned: Extract<PlannedAttempt, { kind: "cloud" }>;
  call: Call;
  projectId: string;
  settings: Settings;
}): Promise<Response | null> {
  const { request, env, planned, call, settings } = options;
  try {
    const reply = await callCloud({
      ...planned,
      env,
      dialect: "anthropic-messages",
      endpoint: "/count_tokens",
      body: ENCODER.encode(call.passBody(planned.model)) as Uint8Array<ArrayBuffer>,
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
    await assertNoLoop({ client: request.headers, secret: env.ROUTELET_SECRET });
    const settings = await settingsFor({ env, projectId: caller.projectId, waitUntil, clock: now });
    const call = parseCountCall(await readBody(request));
    const route = parseRoute(request.headers.get("x-routelet-route"));
    const target = resolveTarget({ model: call.requestedModel, route });
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
    if (planned?.kind === "cloud" && planned.speaks === "anthropic-messages") {
      const counted = await countAtProvider({
        request,
        env,
        planned,
        call,
        settings,
        projectId: caller.projectId,
      });
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
