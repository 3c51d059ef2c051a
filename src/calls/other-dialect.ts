import { noteMissingEndpoint } from "../backends/learned-endpoints.ts";
import { providerNamed } from "../backends/providers/registry.ts";
import type { Call } from "../dialects/call.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import type { PlannedAttempt } from "../routing/plan.ts";
import type { Settings } from "../settings.ts";
import { honourable } from "./translatable.ts";

/** How a server answers that has no such endpoint: by status, or with something that is no reply of the dialect. */
const NO_ENDPOINT = new Set(["backend_404", "backend_405", "backend_501", "upstream_invalid_reply"]);

/** It has all its endpoints, whatever one of its answers says. */
const OPENAI_ITSELF = "https://api.openai.com/";

/** A 404 that is about the model, or about a thing of which the request gives the id, says nothing about the endpoint. */
const ABOUT_THE_REQUEST = /model|with id /i;

/** What follows an endpoint that is missing: the same call in chat, or why it cannot be said there. */
export type Instead = { attempt: PlannedAttempt; learn: () => void } | { refused: RouteletError };

/** The attempt in chat, or the refusal of what has no word there. */
function inChat(
  call: Call,
  attempt: PlannedAttempt,
  settings: Pick<Settings, "providers" | "hostedTools">,
): PlannedAttempt | RouteletError {
  try {
    const plan = honourable({ attempts: [attempt], reason: "" }, call, settings);
    return plan instanceof RouteletError ? plan : (plan.attempts[0] ?? attempt);
  } catch (thrown) {
    if (thrown instanceof RouteletError) return thrown;
    throw thrown;
  }
}

/**
 * The same backend once more, in chat: many servers that are compatible with OpenAI have no `/responses`. That is only
 * known when the chat attempt works: `learn` then keeps it for the next calls, of every caller. What the call asks for and
 * chat has not is refused by its name, as it is once the endpoint is known to be missing. Null when the failure says
 * something else, or calls of this dialect have no translation.
 */
export function inOtherDialect(options: {
  env: Env;
  call: Call;
  planned: PlannedAttempt;
  error: RouteletError;
  settings: Pick<Settings, "providers" | "hostedTools">;
  now: number;
}): Instead | null {
  const { env, call, planned, error, now } = options;
  const { providers } = options.settings;
  if (planned.kind !== "cloud" || planned.speaks !== call.dialect || call.request === null) return null;
  if (call.dialect === "openai-chat") return null;
  if (!NO_ENDPOINT.has(error.code)) return null;
  if (error.code === "backend_404" && ABOUT_THE_REQUEST.test(error.message)) return null;
  const provider = providerNamed(planned.provider, providers);
  const baseUrl = provider?.baseUrl(env) ?? null;
  if (baseUrl === null || baseUrl.startsWith(OPENAI_ITSELF)) return null;
  if (provider?.paths["openai-chat"] === undefined) return null;
  const translated: PlannedAttempt = { ...planned, speaks: "openai-chat" };
  const attempt = inChat(call, translated, options.settings);
  if (!(attempt instanceof RouteletError))
    return { attempt, learn: () => noteMissingEndpoint({ baseUrl, dialect: call.dialect, now }) };
  // A reply that could not be read may be a moment's fault; a status that says so is not.
  return error.code === "upstream_invalid_reply" ? null : { refused: attempt };
}
