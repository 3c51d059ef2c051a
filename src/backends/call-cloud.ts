import type { WireDialect } from "../dialects/call.ts";
import type { Env } from "../env.ts";
import { RouteletError, toRouteletError } from "../errors.ts";
import { cloudRequestHeaders } from "./headers.ts";
import { adaptChat } from "./providers/adapt-chat.ts";
import type { Provider } from "./providers/provider.ts";
import { providerNamed } from "./providers/registry.ts";
import { type BackendReply, replyOf } from "./reply.ts";
import { callWorkersAi } from "./workers-ai.ts";

export interface CloudCall {
  env: Env;
  provider: string;
  model: string;
  /** The dialect of `body`: which of the provider's endpoints is asked. */
  dialect: WireDialect;
  /** What follows the dialect's path, for its lesser endpoints: `/count_tokens`. */
  endpoint?: string;
  body: Uint8Array<ArrayBuffer>;
  clientHeaders: Headers;
  /** False for a call marked `local-only` or `slm`: it is refused here, whatever was planned. */
  mayLeave: boolean;
  signal: AbortSignal;
  fetch: typeof fetch;
}

/** The body as the provider takes it; the caller's own bytes where its words are OpenAI's. */
function inItsWords({ dialect, body }: CloudCall, { words }: Provider): Uint8Array<ArrayBuffer> {
  if (words === undefined || dialect !== "openai-chat") return body;
  const text = new TextDecoder().decode(body);
  const adapted = adaptChat(words, text);
  return adapted === text ? body : (new TextEncoder().encode(adapted) as Uint8Array<ArrayBuffer>);
}

/**
 * Sends a call to a cloud provider. This is the one place in the product where content leaves the owner's
 * machines; nothing else may call a provider.
 *
 * @throws RouteletError `upstream_unreachable` (retryable), or the signal's own reason.
 */
export async function callCloud(call: CloudCall): Promise<BackendReply> {
  if (!call.mayLeave) {
    throw new RouteletError({
      kind: "internal",
      code: "local_only_violation",
      message: "This call must not leave your nodes, and was stopped before it did.",
    });
  }
  const provider = providerNamed(call.provider);
  if (provider === undefined) {
    throw new RouteletError({
      kind: "internal",
      code: "unknown_provider",
      message: `There is no provider \`${call.provider}\`.`,
    });
  }
  const base = provider.baseUrl(call.env);
  if (base === null) return callWorkersAi(call);
  const path = provider.paths[call.dialect];
  if (path === undefined) {
    throw new RouteletError({
      kind: "invalid_request",
      code: "unsupported_endpoint",
      message: `${provider.name} has no endpoint for ${call.dialect} requests.`,
      param: "model",
    });
  }
  let response: Response;
  try {
    response = await call.fetch(base + path + (call.endpoint ?? ""), {
      method: "POST",
      headers: cloudRequestHeaders({
        client: call.clientHeaders,
        credentials: provider.authHeaders(call.env),
        defaults: provider.defaultHeaders,
      }),
      body: inItsWords(call, provider),
      redirect: "manual",
      signal: call.signal,
    });
  } catch (cause) {
    if (call.signal.aborted) throw toRouteletError(call.signal.reason);
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
  return replyOf(response);
}
