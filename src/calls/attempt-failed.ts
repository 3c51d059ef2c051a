import { callerKeys, PROVIDER_KEY_HEADER } from "../backends/caller-keys.ts";
import { isKeyRefusal } from "../backends/key-refusal.ts";
import { providerNamed } from "../backends/providers/registry.ts";
import { type ErrorKind, RouteletError } from "../errors.ts";
import type { AskedBackend } from "../routing/plan.ts";
import type { Refusal } from "./exchange.ts";

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
  /** The status and headers of the backend's refusal, where there was one. */
  readonly status: number | null;
  readonly headers: Headers | null;

  constructor(
    error: RouteletError,
    answer: { status: number; headers: Headers | null; refusal: BackendRefusal | null } | null = null,
  ) {
    super(error.message, { cause: error });
    this.name = "AttemptFailed";
    this.error = error;
    this.status = answer?.status ?? null;
    this.headers = answer?.headers ?? null;
    this.refusal = answer?.refusal ?? null;
  }
}

/** Seconds of a `Retry-After` header: a number, or a date (RFC 9110 section 10.2.3); undefined when there is none. */
function retryAfterSeconds(headers: Headers, now: number): number | undefined {
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}

/**
 * A backend's own error. The client gets it as it came where it can read it (`asIs`); anything else
 * becomes an error object with the backend's words, code and field, or with ours where it had none. A refused *provider* key
 * is the operator's fault, not the caller's, unless the caller sent it: a 401 would make an SDK say that the caller's key is wrong, and its text
 * may show a part of the provider's.
 */
export function refused(
  options: {
    planned: AskedBackend;
    status: number;
    headers: Headers;
    /** The request's: whether it brought the key that was refused. */
    clientHeaders: Headers;
    body: Uint8Array;
    now: number;
  } & Refusal,
): AttemptFailed {
  const { planned, status, headers, body, text } = options;
  if (isKeyRefusal(status, new TextDecoder().decode(body))) {
    const answer = { status, headers: null, refusal: null };
    return new AttemptFailed(keyRefused(planned, options.clientHeaders), answer);
  }
  const busy = status === 429 || status === 529;
  const error = new RouteletError({
    kind: busy ? "rate_limited" : kindOf(status),
    code: busy ? "backend_busy" : `backend_${status}`,
    status,
    backendCode: isWord(options.code) ? options.code : null,
    message: text ?? unsaid(status),
    ...(options.param === null ? {} : { param: options.param }),
    retryable: busy || status === 408 || status >= 500,
    retryAfterSeconds: retryAfterSeconds(headers, options.now),
  });
  const refusal = text !== null && options.asIs ? { status, headers, body } : null;
  return new AttemptFailed(error, { status, headers, refusal });
}

function kindOf(status: number): ErrorKind {
  if (status === 403) return "permission";
  return status < 500 ? "invalid_request" : "upstream";
}

/** Some servers repeat the status as a code, which tells nobody anything. */
const isWord = (code: string | null): boolean => code !== null && /[a-z]/i.test(code);

/** What a refusal without words may mean. No word of the model: `inOtherDialect` takes such a 404 to be about that. */
function unsaid(status: number): string {
  const advice = NO_SUCH_ENDPOINT.has(status)
    ? "It may not have this endpoint: correct its base URL, or ask a provider that has it."
    : "Try again.";
  return `The backend answered ${status} and did not say why. ${advice}`;
}

const NO_SUCH_ENDPOINT = new Set([404, 405, 501]);

function keyRefused(planned: AskedBackend, clientHeaders: Headers): RouteletError {
  if (
    planned.kind === "cloud" &&
    callerKeys({ headers: clientHeaders, allowed: true }).has(planned.provider)
  ) {
    return new RouteletError({
      kind: "authentication",
      code: "provider_key_refused",
      message: `${planned.provider} refused the key that you sent in \`${PROVIDER_KEY_HEADER}\`: correct it there, or leave it out.`,
    });
  }
  const what =
    planned.kind === "node"
      ? "The engine that the node is attached to refused the node's key: correct it in the node's configuration."
      : `${planned.provider} refused the key: the operator has to correct ${keyOf(planned)}.`;
  return new RouteletError({ kind: "upstream", code: "provider_auth_failed", message: what });
}

/** Where an operator finds the key that a provider refused. */
function keyOf({ provider, project }: Extract<AskedBackend, { kind: "cloud" }>): string {
  return project === undefined
    ? (providerNamed(provider)?.variable ?? "it")
    : `it in \`providers\` by PUT /api/settings`;
}
