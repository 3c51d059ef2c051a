import type { WireDialect } from "../dialects/call.ts";
import type { Env } from "../env.ts";
import { RouteletError, toRouteletError } from "../errors.ts";
import type { StoredProvider } from "../settings/providers.ts";
import { callerKeys } from "./caller-keys.ts";
import { cloudRequestHeaders } from "./headers.ts";
import { knownKeys } from "./known-keys.ts";
import { LOOP_HEADER, loopMark } from "./loop-mark.ts";
import { keysFor, letRest, type ProviderKey, restAfter } from "./provider-keys.ts";
import { adaptChat } from "./providers/adapt-chat.ts";
import { ANTHROPIC_HEADERS } from "./providers/anthropic.ts";
import { keyHeaders, type Provider } from "./providers/provider.ts";
import { providerNamed } from "./providers/registry.ts";
import { withoutKeys } from "./redact-keys.ts";
import { type BackendReply, replyOf } from "./reply.ts";
import { callWorkersAi } from "./workers-ai.ts";

/** What of its project a call needs to find its providers and their keys. */
export interface CloudAccount {
  projectId: string;
  providers: readonly StoredProvider[];
  /** Whether callers may send keys of their own. */
  passProviderKey: boolean;
  /** Keeps a conversation on one key; null for a call that begins one. */
  conversation: string | null;
  random: () => number;
  now: () => number;
}

interface ToProvider {
  env: Env;
  provider: string;
  clientHeaders: Headers;
  /** False for a call marked `local-only` or `slm`: it is refused here, whatever was planned. */
  mayLeave: boolean;
  signal: AbortSignal;
  fetch: typeof fetch;
  /** Without it, the environment's providers and keys alone. */
  account?: CloudAccount;
}

export interface CloudCall extends ToProvider {
  model: string;
  /** The dialect of `body`: which of the provider's endpoints is asked. */
  dialect: WireDialect;
  /** What follows the dialect's path, for its lesser endpoints: `/count_tokens`. */
  endpoint?: string;
  body: Uint8Array<ArrayBuffer>;
}

/** A request that passes as it came, to an endpoint that no dialect knows. */
export interface CloudRoute extends ToProvider {
  route: {
    method: string;
    /** After the provider's base URL, with the query. */
    path: string;
  };
  /** A stream can be sent once: there is no second key for it. */
  body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
}

/** The body as the provider takes it; the caller's own bytes where its words are OpenAI's. */
function inItsWords({ dialect, body }: CloudCall, { words }: Provider): Uint8Array<ArrayBuffer> {
  if (words === undefined || dialect !== "openai-chat") return body;
  const text = new TextDecoder().decode(body);
  const adapted = adaptChat(words, text);
  return adapted === text ? body : (new TextEncoder().encode(adapted) as Uint8Array<ArrayBuffer>);
}

/** The keys to try in turn: the caller's own alone, where it sends one for this provider. */
async function keysOf(call: ToProvider, provider: Provider): Promise<readonly ProviderKey[]> {
  const { env, account } = call;
  if (account === undefined) return [{ id: `${provider.name} env`, value: provider.key(env) }];
  const own = callerKeys({ headers: call.clientHeaders, allowed: account.passProviderKey }).get(
    provider.name,
  );
  if (own !== undefined) return [{ id: `${provider.name} caller`, value: own }];
  return keysFor({ env, ...account, provider, now: account.now() });
}

/** Where a call goes; null where the provider has no such endpoint. */
function addressOf(call: CloudCall | CloudRoute, provider: Provider, base: string): string | null {
  if ("route" in call) return base + call.route.path;
  const path = provider.paths[call.dialect];
  return path === undefined ? null : base + path + (call.endpoint ?? "");
}

async function send(
  call: CloudCall | CloudRoute,
  provider: Provider,
  url: string,
  key: ProviderKey,
): Promise<Response> {
  const extra = provider.set?.headers.map(({ name, value }) => [name.toLowerCase(), value]) ?? [];
  const mark = await loopMark({ client: call.clientHeaders, secret: call.env.ROUTELET_SECRET });
  return call.fetch(url, {
    method: "route" in call ? call.route.method : "POST",
    headers: cloudRequestHeaders({
      client: call.clientHeaders,
      credentials: {
        ...Object.fromEntries(extra),
        ...keyHeaders(provider.keyStyle, key.value),
        [LOOP_HEADER]: mark,
      },
      defaults: "dialect" in call && call.dialect === "anthropic-messages" ? ANTHROPIC_HEADERS : undefined,
      ownBody: "route" in call,
    }),
    body: "route" in call ? call.body : inItsWords(call, provider),
    redirect: "manual",
    signal: call.signal,
  });
}

/** Sends the call with one key after the other, as long as the answer is about the key. */
async function sendWithKeys(
  call: CloudCall | CloudRoute,
  provider: Provider,
  url: string,
): Promise<Response> {
  const all = await keysOf(call, provider);
  const keys = call.body instanceof ReadableStream ? all.slice(0, 1) : all;
  const now = call.account?.now ?? Date.now;
  for (const [at, key] of keys.entries()) {
    const response = await send(call, provider, url, key);
    if (all.length === 1) return response;
    const rest = await restAfter(response, now());
    if (rest === null) return response;
    console.warn(
      JSON.stringify({
        event: "provider_key_rests",
        provider: provider.name,
        status: response.status,
        ms: rest,
      }),
    );
    letRest(key.id, now() + rest);
    if (at === keys.length - 1) return response;
    await response.body?.cancel();
  }
  throw new TypeError("there is always a key to try");
}

function noEndpoint(call: CloudCall | CloudRoute, provider: Provider): RouteletError {
  const what = "route" in call ? `${call.route.method} ${call.route.path}` : `${call.dialect} requests`;
  return new RouteletError({
    kind: "invalid_request",
    code: "unsupported_endpoint",
    message: `${provider.name} has no endpoint for ${what}.`,
    param: "model",
  });
}

/**
 * Sends a call to a cloud provider. This is the one place in the product where content leaves the owner's
 * machines; nothing else may call a provider.
 *
 * A provider with several keys gets the call again with the next one when an answer is about the key: a 429, 401, 402
 * or 403. That key then rests for a while.
 *
 * @throws RouteletError `upstream_unreachable` (retryable), what `callerKeys` throws, or the signal's own reason.
 */
export async function callCloud(call: CloudCall | CloudRoute): Promise<BackendReply> {
  if (!call.mayLeave) {
    throw new RouteletError({
      kind: "internal",
      code: "local_only_violation",
      message: "This call must not leave your nodes, and was stopped before it did.",
    });
  }
  const provider = providerNamed(call.provider, call.account?.providers);
  if (provider === undefined) {
    throw new RouteletError({
      kind: "internal",
      code: "unknown_provider",
      message: `There is no provider \`${call.provider}\`.`,
    });
  }
  const base = provider.baseUrl(call.env);
  if (base === null && "dialect" in call) return callWorkersAi(call);
  const url = base === null ? null : addressOf(call, provider, base);
  if (url === null) throw noEndpoint(call, provider);
  let response: Response;
  try {
    response = await sendWithKeys(call, provider, url);
  } catch (cause) {
    if (call.signal.aborted) throw toRouteletError(call.signal.reason);
    if (cause instanceof RouteletError) throw cause;
    throw new RouteletError({
      kind: "upstream",
      code: "upstream_unreachable",
      message: `${provider.name} could not be reached. Check its base URL and the network of the gateway, then try again.`,
      retryable: true,
      cause,
    });
  }
  if (response.status >= 300 && response.status < 400) {
    await response.body?.cancel();
    throw new RouteletError({
      kind: "upstream",
      code: "upstream_redirect",
      message: `${provider.name} answered with a redirect, which is not followed since it could carry the key elsewhere. Correct its base URL.`,
    });
  }
  return withoutKeys(
    replyOf(response),
    knownKeys({ env: call.env, projectId: call.account?.projectId ?? "" }),
  );
}
