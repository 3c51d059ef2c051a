import { callCloud } from "../../backends/call-cloud.ts";
import { callerKeys } from "../../backends/caller-keys.ts";
import { outboundFetch } from "../../backends/outbound.ts";
import { COMPACTION } from "../../backends/providers/routes.ts";
import { type BackendReply, lostReply } from "../../backends/reply.ts";
import { createByteLog } from "../../byte-log.ts";
import { isAnthropicClient, renderErrorFor } from "../../dialects/caller-dialect.ts";
import { errorOf } from "../../dialects/openai-chat/error-in-band.ts";
import { readUsage } from "../../dialects/openai-chat/usage.ts";
import { readResponseUsage } from "../../dialects/openai-responses/usage.ts";
import { emptyFacts, type ReplyFacts } from "../../dialects/reply.ts";
import type { Env } from "../../env.ts";
import { RouteletError, toRouteletError } from "../../errors.ts";
import { parseRoute, type Route, resolveTarget } from "../../routing/target.ts";
import { policyFor } from "../../settings/policy.ts";
import { answerFailure } from "../answer-failure.ts";
import { type AttemptClock, orAborted, startAttemptClock } from "../attempt-clock.ts";
import { AttemptFailed, refused } from "../attempt-failed.ts";
import { type AttemptLog, openAttemptLog } from "../attempt-log.ts";
import { type CallSession, openCallSession } from "../call-session.ts";
import { logInternal } from "../log-internal.ts";
import { responseHeaders } from "../release.ts";
import { waitForRetry } from "../wait-for-retry.ts";
import { assertAccountOpen } from "./account.ts";
import { mayRepeat } from "./may-repeat.ts";
import { type PassedBody, takeBody } from "./passed-body.ts";
import type { PassedPath } from "./passed-path.ts";
import { type PickedProvider, pickProvider } from "./pick-provider.ts";
import { releaseBytes } from "./release-bytes.ts";

const METHODS = ["GET", "POST", "DELETE"];

/** Forms of these say which model they are for; of all others a form holds a file. */
const FORMS_WITH_MODEL = new Set(["audio", "images", "videos"]);

/** The largest reply whose usage is read, in bytes. */
const MAX_READ_BYTES = 256 * 1024;

const TEXT = /^(application\/json|text\/)/i;

interface PassOptions {
  request: Request;
  env: Env;
  ctx: ExecutionContext;
  route: PassedPath;
}

/** Refuses a call that must stay on the owner's machines, or that names what only a node could be. */
function assertMayLeave(call: { model: string | null; asked: Route | null }, { endpoint }: PassedPath): void {
  const { model, asked } = call;
  const target = resolveTarget({ model: model ?? CLOUD_MODEL, route: asked });
  if (target.kind === "llm" || (target.kind === "auto" && target.reference !== null)) return;
  const localOnly = target.kind === "slm" && target.localOnly;
  throw new RouteletError({
    kind: localOnly ? "unavailable" : "invalid_request",
    code: localOnly ? "no_local_node" : "unsupported_endpoint",
    message: `Nodes do not serve ${endpoint}: only a cloud provider can answer, by the name of one of its models.`,
    param: "model",
  });
}

/** Stands for the model of a request that names none: it is the provider's to choose. */
const CLOUD_MODEL = "the provider's own";

function assertMethod({ method }: Request, { family }: PassedPath): void {
  const allowed = family === COMPACTION ? ["POST"] : METHODS;
  if (allowed.includes(method)) return;
  throw new RouteletError({
    kind: "invalid_request",
    status: 405,
    code: "method_not_allowed",
    message: `${method} cannot be passed on here. Use ${allowed.join(", ")}.`,
  });
}

/** What the gateway keeps is nothing that a provider could find by its id. */
function assertWhole({ text }: PassedBody, { family, endpoint }: PassedPath): void {
  const { previous_response_id: previous } = family === COMPACTION && text !== null ? parse(text) : {};
  if (previous == null) return;
  throw new RouteletError({
    kind: "invalid_request",
    code: "unsupported_parameter",
    message: `\`previous_response_id\` cannot be honoured by ${endpoint}, which passes to the provider as it comes. Send the conversation as \`input\`.`,
    param: "previous_response_id",
  });
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    return {}; // not JSON, or more than was kept: it says nothing that we read
  }
}

/** The words of a refusal that is OpenAI's error object; null for any other, which its clients could not read. */
function refusalText(body: Uint8Array): string | null {
  const json = parse(body);
  return json.error == null ? null : (errorOf(json)?.message ?? null);
}

/** The provider's answer, with the attempt's clock running; a refusal is thrown. */
async function ask(
  { request, env, route }: PassOptions,
  session: CallSession,
  { provider, model }: PickedProvider,
  body: PassedBody,
  log: AttemptLog,
  clock: AttemptClock,
): Promise<BackendReply> {
  const { settings, caller, now } = session;
  const sending = callCloud({
    env,
    provider: provider.name,
    route: { method: request.method, path: route.path },
    body: body.send(model),
    clientHeaders: request.headers,
    mayLeave: true,
    signal: clock.signal,
    fetch: outboundFetch(env),
    account: {
      projectId: caller.projectId,
      providers: settings.providers,
      passProviderKey: settings.passProviderKey,
      conversation: session.session,
      random: Math.random,
      now,
    },
  });
  const reply = await orAborted(sending, clock.signal).catch((thrown: unknown) => {
    throw body.failure() ?? thrown;
  });
  log.answered(reply);
  if (reply.status < 400) return reply;
  const whole = await orAborted(
    reply.whole().catch((thrown: unknown) => {
      throw lostReply(thrown);
    }),
    clock.signal,
  );
  throw refused({
    planned: log.planned,
    status: reply.status,
    headers: reply.headers,
    clientHeaders: request.headers,
    body: whole,
    text: refusalText(whole),
    code: null,
    param: null,
    asIs: true,
    now: now(),
  });
}

function factsOf(bytes: Uint8Array): ReplyFacts {
  const { usage, model } = parse(bytes);
  return {
    ...emptyFacts(),
    model: typeof model === "string" ? model : null,
    usage: readUsage(usage) ?? readResponseUsage(usage),
  };
}

function release(session: CallSession, log: AttemptLog, clock: AttemptClock, reply: BackendReply): Response {
  const { status, headers } = reply;
  const type = headers.get("content-type") ?? "";
  const read = createByteLog(/^application\/json/i.test(type) ? MAX_READ_BYTES : 0);
  const isText = TEXT.test(type);
  clock.committed();
  log.firstByte();
  const source = releaseBytes({
    source: reply.reader(),
    clock,
    events: /^text\/event-stream/i.test(type),
    onBytes(bytes) {
      read.add(bytes);
      if (isText) session.record.copyResponse(bytes);
    },
    onEnd(outcome, error) {
      log.end({ outcome, error, facts: factsOf(read.bytes()) });
      session.close({ outcome, status, servedBy: log.servedBy, error });
    },
  });
  // A status without a body has none at all (Fetch, "null body status").
  const body = status === 204 || status === 205 ? drained(source) : source;
  return new Response(body, {
    status,
    headers: responseHeaders(headers, session.headers(log.servedBy, session.reason(null))),
  });
}

/** Reads the nothing that came, so that the call ends. */
function drained(source: ReadableStream<Uint8Array>): null {
  source.pipeTo(new WritableStream()).catch(() => undefined);
  return null;
}

async function pass(options: PassOptions, session: CallSession): Promise<Response> {
  const { request, env, route } = options;
  const { caller, now } = session;
  assertMethod(request, route);
  const asked = parseRoute(request.headers.get("x-routelet-route"));
  // Before anything of it is read: whatever it names, such a call goes nowhere from here.
  assertMayLeave({ model: null, asked }, route);
  assertAccountOpen({
    setting: session.settings.providerAccount,
    projectId: caller.projectId,
    route,
  });
  const named = request.headers.get("x-routelet-provider");
  const formNamesModel = FORMS_WITH_MODEL.has(route.family);
  const body = await takeBody({ request, providerNamed: named !== null, formNamesModel });
  assertWhole(body, route);
  session.bytes = body.text;
  session.call = { requestedModel: body.model ?? "", stream: false };
  const settings = policyFor(session.settings, { model: body.model ?? "", keyId: caller.keyId });
  session.settings = settings;
  assertMayLeave({ model: body.model, asked }, route);
  const picked = pickProvider({
    env,
    settings,
    route,
    method: request.method,
    named,
    model: body.model,
    keyed: callerKeys({ headers: request.headers, allowed: settings.passProviderKey }),
    anthropicClient: isAnthropicClient(request),
    now: now(),
  });
  session.plan = { reason: "passed-through" };
  for (let tries = 1; ; tries++) {
    try {
      return await attempt(options, session, picked, body);
    } catch (thrown) {
      if (!(thrown instanceof AttemptFailed)) throw thrown;
      const { method } = request;
      const { replayable } = body;
      if (!mayRepeat({ method, family: route.family, replayable, status: thrown.status })) throw thrown;
      const again = await waitForRetry({
        failed: thrown,
        tries,
        policy: settings.retries,
        random: Math.random,
        now: now(),
        endsAt: session.startedAt + settings.deadlines.totalMs,
        left: request.signal,
      });
      if (!again) throw thrown;
    }
  }
}

/** Sends the request once, and hands its answer over. @throws AttemptFailed */
async function attempt(
  options: PassOptions,
  session: CallSession,
  picked: PickedProvider,
  body: PassedBody,
): Promise<Response> {
  const { request, route } = options;
  const { settings, now } = session;
  const log = openAttemptLog({
    seq: session.logs.length + 1,
    planned: { kind: "cloud", provider: picked.provider.name, model: picked.model ?? "" },
    operation: route.family,
    stream: false,
    said: () => ({}),
    trace: session.trace,
    prices: settings.prices,
    now,
  });
  session.logs.push(log);
  const { deadlines } = settings;
  const clock = startAttemptClock({
    client: request.signal,
    headersMs: null,
    firstByteMs: deadlines.firstByteMs,
    idleMs: deadlines.idleMs,
    totalEndsAt: session.startedAt + deadlines.totalMs,
    now,
  });
  try {
    const replying = ask(options, session, picked, body, log, clock);
    session.begin();
    const reply = await replying;
    await session.record.durable();
    return release(session, log, clock, reply);
  } catch (thrown) {
    clock.stop();
    const failed = thrown instanceof AttemptFailed ? thrown : new AttemptFailed(toRouteletError(thrown));
    log.fail(failed.error, failed.refusal?.status ?? null);
    throw failed;
  }
}

/**
 * One of OpenAI's endpoints that the gateway does not understand: its request passes to a provider that has the endpoint,
 * as it came, and the answer comes back as it is. It is tried again as the settings say where `mayRepeat` allows that.
 */
export async function handlePass(options: PassOptions): Promise<Response> {
  const { request, env, ctx, route } = options;
  const renderError = (error: RouteletError, callId?: string) => renderErrorFor(request, error, callId);
  const endpoint = request.method === "POST" ? route.endpoint : `${request.method} ${route.endpoint}`;
  let session: CallSession;
  try {
    session = await openCallSession({ request, endpoint, env, ctx });
  } catch (thrown) {
    const error = toRouteletError(thrown);
    logInternal(error, null);
    return renderError(error);
  }
  try {
    return await pass(options, session);
  } catch (thrown) {
    return await answerFailure({ renderError, request, session, thrown });
  }
}
