import { providerNamed } from "../backends/providers/registry.ts";
import type { ReplyFacts } from "../dialects/openai-chat/chat-stream.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import type { PlannedAttempt } from "../routing/plan.ts";

/** What a backend answered instead of a reply: its own status and body, which the client gets if nothing better comes. */
export interface BackendRefusal {
  status: number;
  headers: Headers;
  body: Uint8Array;
}

/** An attempt that released nothing. `refusal` is there when the backend said why in the client's own dialect. */
export class AttemptFailed extends Error {
  readonly error: RouteletError;
  readonly refusal: BackendRefusal | null;

  constructor(error: RouteletError, refusal: BackendRefusal | null = null) {
    super(error.message, { cause: error });
    this.name = "AttemptFailed";
    this.error = error;
    this.refusal = refusal;
  }
}

/** A backend's 200 that carries an error. */
export function inBand(message: string): AttemptFailed {
  return new AttemptFailed(
    new RouteletError({
      kind: "upstream",
      code: "upstream_error",
      message: `The backend reported an error in its reply: ${message}`,
      retryable: true,
    }),
  );
}

/** A backend's 200 that is no chat completion: a proxy's page, an empty body. */
export function notAReply(): AttemptFailed {
  return new AttemptFailed(
    new RouteletError({
      kind: "upstream",
      code: "upstream_invalid_reply",
      message: "The backend answered with something that is not a chat completion. Check its base URL.",
      retryable: true,
    }),
  );
}

/**
 * A backend's own error. The client gets it as it came where it is in the client's dialect; a page of HTML becomes an
 * error object. A refused *provider* key is the operator's fault, not the caller's: a 401 would make an SDK say that
 * the caller's key is wrong, and its text may show a part of the provider's.
 */
export function refused(options: {
  planned: PlannedAttempt;
  env: Env;
  status: number;
  headers: Headers;
  body: Uint8Array;
  facts: ReplyFacts;
}): AttemptFailed {
  const { planned, status, facts } = options;
  if (status === 401 || status === 403) return new AttemptFailed(keyRefused(planned));
  const error = new RouteletError({
    kind: status === 429 ? "rate_limited" : status < 500 ? "invalid_request" : "upstream",
    code: status === 429 ? "backend_busy" : `backend_${status}`,
    status,
    message: facts.inBandError ?? `The backend answered ${status} and did not say why. Try again.`,
    retryable: status === 429 || status >= 500,
  });
  const { headers, body } = options;
  return new AttemptFailed(error, facts.inBandError === null ? null : { status, headers, body });
}

function keyRefused(planned: PlannedAttempt): RouteletError {
  const what =
    planned.kind === "node"
      ? "The engine that the node is attached to refused the node's key: correct it in the node's configuration."
      : `${planned.provider} refused the gateway's key: the operator has to correct ${providerNamed(planned.provider)?.variable ?? "it"}.`;
  return new RouteletError({ kind: "upstream", code: "provider_auth_failed", message: what });
}
