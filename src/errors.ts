/** What kind of thing went wrong; each kind has one HTTP status and one family of codes. */
export type ErrorKind =
  | "authentication"
  | "permission"
  | "invalid_request"
  | "not_found"
  | "too_large"
  | "rate_limited"
  | "unavailable"
  | "upstream"
  | "deadline"
  | "cancelled"
  | "internal";

const STATUS: Record<ErrorKind, number> = {
  authentication: 401,
  permission: 403,
  invalid_request: 400,
  not_found: 404,
  too_large: 413,
  rate_limited: 429,
  unavailable: 503,
  upstream: 502,
  deadline: 504,
  cancelled: 499,
  internal: 500,
};

export interface ErrorOptions {
  kind: ErrorKind;
  /** A stable identifier that a program can test, for example `model_not_found`. */
  code: string;
  /** A backend's own word for it, which callers of any dialect are shown in place of `code`. */
  backendCode?: string | null;
  /** Shown to the caller: says what is wrong and what to do. Never a secret, a stack or another caller's data. */
  message: string;
  /** Overrides the status of the kind, for an upstream's own status. */
  status?: number;
  /** The request field that is wrong, as a path: `messages[0].content`. */
  param?: string;
  /** Whether another backend, or the same one later, may succeed. */
  retryable?: boolean;
  /** Sent as `Retry-After`, in whole seconds, at least 1. */
  retryAfterSeconds?: number;
  /** For the operator only; never rendered. */
  cause?: unknown;
}

/**
 * The one error type of the product. It is passed as a value until a dialect's renderer turns it
 * into that dialect's error object (`dialects/<name>/error.ts`).
 */
export class RouteletError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly backendCode: string | null;
  readonly status: number;
  readonly param: string | undefined;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;

  constructor(options: ErrorOptions) {
    super(options.message, { cause: options.cause });
    this.name = "RouteletError";
    this.kind = options.kind;
    this.code = options.code;
    this.backendCode = options.backendCode ?? null;
    this.status = options.status ?? STATUS[options.kind];
    this.param = options.param;
    this.retryable = options.retryable ?? false;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Turns whatever was thrown into a `RouteletError`; unknown things become an opaque 500 that keeps its cause. */
export function toRouteletError(thrown: unknown): RouteletError {
  if (thrown instanceof RouteletError) return thrown;
  return new RouteletError({
    kind: "internal",
    code: "internal_error",
    message: "The gateway failed to handle this request. Try again; the operator's log has the cause.",
    cause: thrown,
  });
}
